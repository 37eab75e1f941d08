#![no_main]

use actix_signalr_actors::protocol::{HandshakeRequest, HubProtocol, RECORD_SEPARATOR, handshake_response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let refusal = match HandshakeRequest::parse(data) {
        Ok(request) => {
            let _ = HubProtocol::by_name(&request.protocol);
            format!("The protocol '{}' is not supported.", request.protocol)
        }
        Err(err) => err.to_string(),
    };
    let response = handshake_response(Some(&refusal));
    let separators = response.iter().filter(|byte| **byte == RECORD_SEPARATOR).count();
    assert_eq!((separators, response.last()), (1, Some(&RECORD_SEPARATOR)));
});
