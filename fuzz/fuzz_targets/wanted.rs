#![no_main]

#[path = "../checks/wanted.rs"]
mod wanted;

libfuzzer_sys::fuzz_target!(|data: &[u8]| wanted::check(data));
