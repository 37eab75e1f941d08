use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct A;

#[hub(crate = "actix_signalr_actors")]
impl A {
    fn on_connected(&self, _ctx: HubCallerContext, _text: String) -> HubResult {
        Ok(())
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext) {}
}

struct B;

#[hub(crate = "actix_signalr_actors")]
impl B {
    async fn on_connected(&mut self) -> HubResult {
        Ok(())
    }

    async fn on_disconnected(&self, _error: Option<HubError>) -> HubResult {
        Ok(())
    }
}

struct C;

#[hub(crate = "actix_signalr_actors")]
impl C {
    async fn on_authentication_refreshed(&self, _ctx: HubCallerContext, _user: ClaimsPrincipal) -> HubResult {
        Ok(())
    }
}

fn main() {}
