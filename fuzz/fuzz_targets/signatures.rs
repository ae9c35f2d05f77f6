#![no_main]

#[path = "../checks/signatures.rs"]
mod signatures;

libfuzzer_sys::fuzz_target!(|data: &[u8]| signatures::check(data));
