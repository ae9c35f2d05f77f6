#![no_main]

#[path = "../checks/chart_archive.rs"]
mod chart_archive;
#[path = "../checks/tar.rs"]
mod tar;

libfuzzer_sys::fuzz_target!(|data: &[u8]| chart_archive::check(data));
