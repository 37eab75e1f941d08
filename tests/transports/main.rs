//! Every transport over real sockets: what is bounded, what runs out of time, how connections end.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

mod buffers;
mod client;
mod cutting_proxy;
mod http;
#[cfg(feature = "rustls-0_23")]
mod http2;
mod hub_http_server;
mod origins;
mod pending;
mod reconnect;
mod requests;
mod resumable_client;
mod send_timeout;
mod server;
mod shut_down;
mod timeouts;
#[cfg(feature = "rustls-0_23")]
mod tls;
mod web_socket;
mod workers;
