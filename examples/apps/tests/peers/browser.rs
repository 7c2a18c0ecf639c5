//! Chromium without a window, by way of chromedriver and the WebDriver protocol.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use ureq::Agent;

use crate::support::{Directory, PATIENCE, Running, eventually};

/// The name that the protocol gives to the number of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one page, which is ended when this is dropped.
pub(crate) struct Browser {
    agent: Agent,
    driver: Running,
    /// Its URL.
    session: String,
    /// What it stores; its processes are known by this.
    profile: Directory,
}

impl Browser {
    /// Starts a browser and opens a page.
    pub(crate) fn open(url: &str) -> Browser {
        let mut command = Command::new("chromedriver");
        let driver = Running::start(command.arg("--port=0").process_group(0));
        let line = driver.line(|line| line.contains("started successfully on port"));
        let port: String = line.chars().filter(char::is_ascii_digit).collect();
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .new_agent();

        let profile = Directory::new();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=900,700",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut browser = Browser {
            agent,
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            profile,
        };
        let answer = browser.post(
            "",
            &json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": arguments},
            }}}),
        );
        let id = answer["sessionId"].as_str().expect("a session");
        browser.session = format!("{}/{id}", browser.session);
        browser.post("/url", &json!({"url": url}));
        browser
    }

    /// Sends a command; returns the value of the answer.
    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body)
            .unwrap_or_else(|text| panic!("{path}: {text}"))
    }

    /// Sends a command; returns the value of the answer, or all of it if the command has failed.
    fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let url = format!("{}{path}", self.session);
        let request = self
            .agent
            .post(url)
            .header("Content-Type", "application/json");
        let mut response = request.send(body.to_string()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        match response.status().is_success() {
            true => Ok(answer["value"].take()),
            false => Err(text),
        }
    }

    /// The path of the first element that a selector finds.
    fn element(&self, selector: &str) -> String {
        let answer = self.post(
            "/element",
            &json!({"using": "css selector", "value": selector}),
        );
        format!("/element/{}", answer[ELEMENT].as_str().unwrap())
    }

    /// Types into an element.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        self.post(
            &format!("{}/value", self.element(selector)),
            &json!({"text": text}),
        );
    }

    /// Clicks on an element.
    pub(crate) fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.element(selector)), &json!({}));
    }

    /// Runs a script in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until the text of an element is as it should be.
    pub(crate) fn wait_for(&self, selector: &str, wanted: impl Fn(&str) -> bool) -> String {
        let script = format!("return document.querySelector('{selector}')?.innerText");
        let command = json!({"script": script, "args": []});
        eventually("the text", || {
            // It fails while the page is being loaded.
            let value = self.try_post("/execute/sync", &command).ok()?;
            let text = value.as_str()?.to_owned();
            wanted(&text).then_some(text)
        })
    }

    /// Presses return in an element.
    pub(crate) fn enter(&self, selector: &str) {
        self.type_into(selector, "\u{e007}");
    }

    /// What the page has complained about.
    pub(crate) fn complaints(&self) -> Value {
        self.post("/se/log", &json!({"type": "browser"}))
    }

    /// Writes what the page looks like into a file.
    pub(crate) fn screenshot(&self, path: &str) {
        let url = format!("{}/screenshot", self.session);
        let mut response = self.agent.get(url).call().unwrap();
        let text = response
            .body_mut()
            .with_config()
            .limit(50 << 20)
            .read_to_string()
            .unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let encoded = answer["value"].as_str().unwrap();
        let mut decode = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(fs::File::create(path).unwrap())
            .spawn()
            .unwrap();
        let mut input = decode.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, encoded.as_bytes()).unwrap();
        drop(input);
        assert!(decode.wait().unwrap().success());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        self.driver.signal("-TERM");
        // If one of them is stuck, nothing of the browser may stay behind.
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        for process in processes_with(&profile) {
            let _ = Command::new("kill")
                .args(["-KILL", &process])
                .stderr(Stdio::null())
                .status();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The numbers of the processes whose command lines have `argument` in them.
fn processes_with(argument: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(argument)
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}
