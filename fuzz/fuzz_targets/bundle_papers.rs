#![no_main]

#[path = "../checks/bundle_papers.rs"]
mod bundle_papers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bundle_papers::check(data));
