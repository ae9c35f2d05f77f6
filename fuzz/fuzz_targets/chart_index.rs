#![no_main]

#[path = "../checks/chart_index.rs"]
mod chart_index;

libfuzzer_sys::fuzz_target!(|data: &[u8]| chart_index::check(data));
