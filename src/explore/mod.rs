//! Which switches of a chart hide images: probe, plan, re-render.
