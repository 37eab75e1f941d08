# Routines of this repository; `just` lists them.

[private]
default:
    @just --list

# All tests, as the README and CI run them.
test:
    ./.ci/test

# Holds the example `contract` against the recordings of the original: `just conformance --tag plain --areas json`.
conformance *options:
    cargo build --example contract --all-features
    cd tests/conformance && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci; }
    CONTRACT_SERVER="${CARGO_TARGET_DIR:-$PWD/target}/debug/examples/contract" node tests/conformance/check.mjs {{options}}

# Holds two servers on a Redis of their own against what is expected of them: `just cluster --only outage`.
cluster *options:
    cargo build --example contract --all-features
    cd tests/conformance && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci; }
    CONTRACT_SERVER="${CARGO_TARGET_DIR:-$PWD/target}/debug/examples/contract" node tests/conformance/check-cluster.mjs {{options}}

# Formatting, lints, documentation, licences and advisories.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps
    cargo deny --all-features check

# Formats the Rust code.
fmt:
    cargo fmt --all

# Serves the chat at http://127.0.0.1:8080; options go to the server: `just chat --port 9000`.
chat *options:
    cargo run --release --example chat -- {{options}}

# Measures; a filter picks benchmarks: `just bench dispatch`.
bench *filter:
    cargo bench --workspace --all-features -- {{filter}}

# Loads a server: `just load invoke http://127.0.0.1:5000/bench --in-flight 16`; `just load help` lists what there is.
load *options:
    cargo run --release -p actix-signalr-load -- {{options}}

# Writes pictures of the chat page into a directory.
screenshots directory:
    cargo build --example chat --all-features
    SCREENSHOTS={{directory}} CHAT_SERVER="${CARGO_TARGET_DIR:-$PWD/target}/debug/examples/chat" node --test tests/javascript/chat-browser.test.mjs

# Everything CI does.
ci:
    ./.ci/run
