use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    #[hub_method("Renamed")]
    async fn literal(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method]
    async fn bare(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(rename = "Renamed")]
    async fn unknown(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(name = Renamed)]
    async fn not_a_string(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(name = "")]
    async fn empty(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(name = "A", name = "B")]
    async fn twice(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(name = "C")]
    #[hub_method(name = "D")]
    async fn two_attributes(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn __(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
