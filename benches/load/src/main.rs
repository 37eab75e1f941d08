//! A load benchmark for servers that speak ASP.NET Core SignalR's protocol. What it measures and what it asks of a hub
//! is in `README.md`, beside `Cargo.toml`.

mod clock;
mod commands;
mod coordinator;
mod engine;
mod histogram;
mod http;
mod hub;
mod limits;
mod options;
mod payload;
mod process;
mod report;
mod scenarios;
mod setup;
mod target;
mod token;
mod websocket;

use std::{fs, process::ExitCode};

use clap::Parser;

use crate::options::CommandLine;

fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    let shared = commands::shared(&command);
    let report = match commands::run(&command) {
        Ok(report) => report,
        Err(err) => return failed(&err),
    };
    if let Some(file) = &shared.plot
        && let Err(err) = fs::write(file, report.picture())
    {
        return failed(&format!("{} cannot be written: {err}", file.display()));
    }
    if shared.json {
        eprint!("{}", report.text());
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    if report.is_well() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn failed(err: &str) -> ExitCode {
    eprintln!("actix-signalr-load: {err}");
    ExitCode::from(2)
}
