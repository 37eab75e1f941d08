//! Runs the program and reads what it reports.

use std::process::Command;

pub(crate) struct Run {
    pub(crate) status: i32,
    /// Null if there is no report.
    pub(crate) json: serde_json::Value,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn errors(&self) -> String {
        self.json["errors"].to_string()
    }
}

pub(crate) fn load<'a>(command: &str, url: &str, options: impl IntoIterator<Item = &'a str>) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_actix-signalr-load"))
        .args([command, url, "--json"])
        .args(options)
        .output()
        .unwrap();
    Run {
        status: output.status.code().unwrap(),
        json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
