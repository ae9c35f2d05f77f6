#![no_main]

#[path = "../checks/oci_document.rs"]
mod oci_document;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oci_document::check(data));
