//! The `pathline` command.
fn main() {}
