#![no_main]

#[path = "../checks/template_fmt.rs"]
mod template_fmt;

libfuzzer_sys::fuzz_target!(|data: &[u8]| template_fmt::check(data));
