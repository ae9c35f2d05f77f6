#![no_main]

#[path = "../checks/set_flags.rs"]
mod set_flags;

libfuzzer_sys::fuzz_target!(|data: &[u8]| set_flags::check(data));
