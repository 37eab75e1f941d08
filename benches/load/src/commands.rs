//! What each command runs.

use std::sync::Arc;

use serde_json::json;

use crate::{
    coordinator::{self, Plan},
    options::{self, Command, Publishing, Shared},
    payload::DELIVERY_LENGTH,
    report::{Report, Unit},
    scenarios::{Audience, Board, FanOut, FanOutPlan, Invoke, InvokePlan, Pace, Quiet, StreamPlan, Streams},
    setup::Setup,
};

const MOST_PUBLISHERS: usize = 256;
const MOST_TARGETS: usize = 0xff_ffff;

/// Runs a command. An error is one of the command itself.
pub(crate) fn run(command: &Command) -> Result<Report, String> {
    match command {
        Command::Connect(options) => quiet("connect", &options.shared, 0.0, 0.0),
        Command::Idle(options) => quiet("idle", &options.shared, options.settle, options.shared.duration),
        Command::Invoke(options) => invoke(options),
        Command::Broadcast(options) => {
            let to = Recipients { name: "broadcast", audience: Audience::All, targets: 1 };
            fan_out(&options.shared, &options.publishing, &options.method, to)
        }
        Command::Groups(options) => {
            let audience = Audience::Groups { join: options.join.clone() };
            let to = Recipients { name: "groups", audience, targets: options.groups };
            fan_out(&options.shared, &options.publishing, &options.method, to)
        }
        Command::Users(options) => users(options),
        Command::Streams(options) => streams(options),
    }
}

/// What is written of a command, beside its report.
pub(crate) fn shared(command: &Command) -> &Shared {
    match command {
        Command::Connect(options) => &options.shared,
        Command::Idle(options) => &options.shared,
        Command::Invoke(options) => &options.shared,
        Command::Broadcast(options) => &options.shared,
        Command::Groups(options) => &options.shared,
        Command::Users(options) => &options.shared,
        Command::Streams(options) => &options.shared,
    }
}

fn quiet(name: &'static str, shared: &Shared, settle: f64, seconds: f64) -> Result<Report, String> {
    if !(0.0..=1e6).contains(&settle) {
        return Err("--settle must be between 0 and a million".to_owned());
    }
    let setup = Arc::new(Setup::new(shared, 1)?);
    let outcome = coordinator::run(shared, &setup, Plan::Hold { settle, seconds }, |_| Quiet)?;
    Ok(Report::new(name, shared, &setup, Unit::Connections, Vec::new(), &outcome))
}

fn invoke(options: &options::Invoke) -> Result<Report, String> {
    let shared = &options.shared;
    let setup = Arc::new(Setup::new(shared, 1)?);
    let (calls, mut batch) = (options.in_flight, options.batch);
    if batch == 0 {
        batch = calls.div_ceil(2);
    }
    setup.limits.check_in_flight(calls)?;
    if batch > calls {
        return Err("--batch must not be more than --in-flight".to_owned());
    }
    let mut parameters = vec![("method", json!(options.method))];
    let pace = match options.rate {
        Some(per_second) => {
            setup.limits.check_rate(per_second)?;
            parameters.push(("rate", json!(per_second)));
            let most_missing = options.most_missing.div_ceil(setup.threads as u64);
            Pace::Rate { per_second, most_missing }
        }
        None => {
            parameters.extend([("in_flight", json!(calls)), ("batch", json!(batch))]);
            Pace::InFlight { calls, batch }
        }
    };
    let plan = InvokePlan { method: options.method.clone(), payload: shared.payload, pace };
    check_name(&options.method)?;
    let outcome = coordinator::run(shared, &setup, Plan::Load, |thread| Invoke::new(&plan, &setup, thread))?;
    Ok(Report::new("invoke", shared, &setup, Unit::Answers, parameters, &outcome))
}

fn streams(options: &options::Streams) -> Result<Report, String> {
    let shared = &options.shared;
    let setup = Arc::new(Setup::new(shared, 1)?);
    setup.limits.check_in_flight(options.in_flight)?;
    check_name(&options.method)?;
    let parameters = vec![
        ("method", json!(options.method)),
        ("in_flight", json!(options.in_flight)),
        ("items", json!(options.items)),
    ];
    let plan = StreamPlan {
        method: options.method.clone(),
        payload: shared.payload,
        items: options.items,
        in_flight: options.in_flight,
    };
    let outcome = coordinator::run(shared, &setup, Plan::Load, |thread| Streams::new(&plan, &setup, thread))?;
    Ok(Report::new("streams", shared, &setup, Unit::Items, parameters, &outcome))
}

fn users(options: &options::Users) -> Result<Report, String> {
    let (shared, per_user) = (&options.shared, options.per_user);
    if !(1..=shared.connections).contains(&per_user) {
        return Err("--per-user must be between 1 and the number of connections".to_owned());
    }
    if shared.jwt_secret.is_none() && !shared.query.iter().any(|query| query.contains("{user}")) {
        return Err("users need --jwt-secret, or a --query with {user} in it".to_owned());
    }
    let targets = shared.connections.div_ceil(per_user);
    let to = Recipients { name: "users", audience: Audience::Users { per_user }, targets };
    fan_out(shared, &options.publishing, &options.method, to)
}

/// Whom messages go to.
struct Recipients {
    name: &'static str,
    audience: Audience,
    targets: usize,
}

fn fan_out(shared: &Shared, publishing: &Publishing, method: &str, to: Recipients) -> Result<Report, String> {
    let per_user = match to.audience {
        Audience::Users { per_user } => per_user,
        Audience::All | Audience::Groups { .. } => 1,
    };
    let setup = Arc::new(Setup::new(shared, per_user)?);
    setup.limits.check_in_flight(publishing.in_flight as usize)?;
    publishing.rate.map_or(Ok(()), |rate| setup.limits.check_rate(rate))?;
    check_name(method)?;
    if shared.payload < DELIVERY_LENGTH {
        return Err(format!(
            "--payload must be at least {DELIVERY_LENGTH} here: it says which message it is"
        ));
    }
    if !(1..=MOST_PUBLISHERS.min(shared.connections)).contains(&publishing.publishers) {
        return Err(format!("--publishers must be between 1 and {MOST_PUBLISHERS}, and be connections"));
    }
    if !(1..=MOST_TARGETS.min(shared.connections)).contains(&to.targets) {
        return Err("there must be at least one group, and not more than connections".to_owned());
    }
    let mut parameters = vec![("method", json!(method)), ("publishers", json!(publishing.publishers))];
    parameters.push(match publishing.rate {
        Some(rate) => ("rate", json!(rate)),
        None => ("in_flight", json!(publishing.in_flight)),
    });
    if to.audience != Audience::All {
        parameters.push(("targets", json!(to.targets)));
    }
    let plan = Arc::new(FanOutPlan {
        audience: to.audience,
        targets: to.targets,
        connections: shared.connections,
        publishers: publishing.publishers,
        rate: publishing.rate,
        in_flight: publishing.in_flight,
        payload: shared.payload,
        is_answered: !publishing.no_answer,
        method: method.to_owned(),
        receive: publishing.receive.clone(),
    });
    let board = Arc::new(Board::new(&plan));
    let outcome = coordinator::run(shared, &setup, Plan::Load, |thread| {
        FanOut::new(plan.clone(), board.clone(), setup.clone(), thread)
    })?;
    Ok(Report::new(to.name, shared, &setup, Unit::Deliveries, parameters, &outcome))
}

/// Names are written into records as they are.
fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| !c.is_control() && c != '"' && c != '\\';
    if !name.is_empty() && name.chars().all(is_plain) {
        Ok(())
    } else {
        Err("a method's name has no quotes, backslashes or control characters".to_owned())
    }
}
