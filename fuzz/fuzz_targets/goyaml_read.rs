#![no_main]

#[path = "../checks/goyaml_read.rs"]
mod goyaml_read;

libfuzzer_sys::fuzz_target!(|data: &[u8]| goyaml_read::check(data));
