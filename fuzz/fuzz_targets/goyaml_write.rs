#![no_main]

#[path = "../checks/goyaml_write.rs"]
mod goyaml_write;

libfuzzer_sys::fuzz_target!(|data: &[u8]| goyaml_write::check(data));
