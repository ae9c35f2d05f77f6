#![no_main]

#[path = "../checks/template_parse.rs"]
mod template_parse;

libfuzzer_sys::fuzz_target!(|data: &[u8]| template_parse::check(data));
