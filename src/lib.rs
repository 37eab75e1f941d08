//! Under construction.

// Until the transport actor uses them.
#[allow(dead_code)]
mod transports;
