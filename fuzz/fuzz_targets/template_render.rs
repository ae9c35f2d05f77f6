#![no_main]

#[path = "../checks/template_render.rs"]
mod template_render;

libfuzzer_sys::fuzz_target!(|data: &[u8]| template_render::check(data));
