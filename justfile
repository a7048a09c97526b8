# `just check` is what CI runs; CI calls nothing else.

# Everything CI checks, in the order of what fails fastest.
check: format lint spelling licences docs test

# Formatting.
format:
    cargo fmt --all --check

# Lints, warnings denied.
lint:
    cargo clippy --release --workspace --all-targets -- -D warnings

# Spelling.
spelling:
    typos

# Licences, banned crates, sources.
licences:
    cargo deny check licenses bans sources

# Documentation of every public item, warnings denied.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

# The README's test command.
test:
    cargo test --release --workspace

# The demo, as a user runs it.
demo:
    cargo run --release -- demo --out target/demo
