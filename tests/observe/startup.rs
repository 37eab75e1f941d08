//! What a server says of itself when it is built.

use actix_signalr::{
    HttpConnectionOptions, Hub, HubDescriptor, HubRoutes, JwtBearer, SignalR, TransportKind,
};
use actix_signalr_actors::AuthorizeData;

use crate::capture::Capture;

struct Members;

impl Hub for Members {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.authorize(AuthorizeData::authenticated());
    }
}

struct Everybody;

impl Hub for Everybody {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

#[test]
fn q05_a_guarded_hub_outside_of_where_the_query_is_read_is_warned_of() {
    let capture = Capture::of_events();
    let bearer = JwtBearer::hs256(&[7; 32]).issuer("me").audience("you").query_token_under("/hubs");
    let default = HttpConnectionOptions::default;
    let members = HubRoutes::new(Members)
        .route("/members", default())
        .route("/hubs/members", default())
        .route("/HUBS", default())
        .route("/tickets", default().one_time_tickets(true))
        .route("/subprotocol", default().subprotocol_token(true))
        .route("/polled", default().transports([TransportKind::LongPolling]));
    let built =
        SignalR::builder().authentication(bearer).hub_routes(members).hub("/everybody", Everybody).build();
    assert!(built.is_ok());

    let seen = capture.seen();
    let warnings = seen.events_of("no token is read from the query here: browsers cannot use WebSockets");
    let said: Vec<_> =
        warnings.iter().map(|event| (&*event.fields["path"], &*event.fields["scheme"])).collect();
    assert_eq!(said, [("/members", "Bearer")]);
    assert!(warnings.iter().all(|event| event.level == tracing::Level::WARN));
}
