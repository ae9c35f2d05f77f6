//! The portable directory that crosses the gap: layout, inventory, verify.
