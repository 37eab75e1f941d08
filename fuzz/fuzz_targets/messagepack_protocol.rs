#![no_main]

use actix_signalr_actors::protocol::HubProtocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| actix_signalr_fuzz::exercise(HubProtocol::MessagePack, data));
