//! Writes a page with every kind of figure: `cargo run --release --example gallery -- gallery.html`.

mod report;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of the page to write")?;
    std::fs::write(path, pathline_view::html(&report::example())?)?;
    Ok(())
}
