#![no_main]

#[path = "../checks/layouts.rs"]
mod layouts;
#[path = "../checks/tar.rs"]
mod tar;

libfuzzer_sys::fuzz_target!(|data: &[u8]| layouts::check(data));
