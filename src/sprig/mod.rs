//! Sprig's function library for gotemplate.
