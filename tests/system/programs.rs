//! Real programs under `sentrace run`: they print and end as they do untraced, and the events say
//! what they did.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::both::Program;

#[test]
fn a_pipeline_of_a_shell() {
    let script = "printf 'b\\na\\n' | sort | tr a-z A-Z; echo to stderr >&2; exit 3";
    let events = Program::new(["sh", "-c", script]).same();
    for program in ["sh", "sort", "tr"] {
        assert!(events.executed(program), "{program}");
    }
    let mut exit = events.find("exit", |event| event["process"]["comm"] == "sh");
    assert!(exit.any(|event| event["exit"]["code"] == 3));
}

#[test]
fn a_clone_of_a_git_repository() {
    let program = Program::new(["git", "clone", "--quiet", "origin", "copy"]);
    let events = program.prepare(repository).check(|dir| read(&dir.join("copy/file"))).same();
    assert!(events.executed("git"));
    assert!(events.any("mkdir", |event| ends_with(&event["file"]["path"], "/copy")));
    let renamed = |event: &Value| {
        ends_with(&event["file"]["path"], "/copy/.git/config.lock")
            && ends_with(&event["file"]["destination"]["path"], "/copy/.git/config")
    };
    assert!(events.any("rename", renamed), "git writes its configuration by renaming");
    let checked_out = |event: &Value| {
        ends_with(&event["file"]["path"], "/copy/file") && has_flag(event, "O_CREAT")
    };
    assert!(events.any("open", checked_out));
}

#[test]
fn a_compiler_and_what_it_made() {
    let script = "gcc -O1 -o hello hello.c && ./hello";
    let program = Program::new(["sh", "-c", script]).prepare(|dir| {
        let source = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 7; }\n";
        fs::write(dir.join("hello.c"), source).unwrap();
    });
    let events = program.same();
    for program in ["cc1", "as", "hello"] {
        assert!(events.executed(program), "{program}");
    }
    let object = |event: &Value| {
        let path = event["file"]["path"].as_str().unwrap_or_default();
        path.contains("/cc") && path.ends_with(".o")
    };
    assert!(events.any("unlink", object), "the compiler removes its temporary object");
}

#[test]
fn threads_and_children_of_python() {
    let script = r#"
import subprocess, sys, threading
found = []
def work(n):
    out = subprocess.run(["sh", "-c", f"echo {n}"], capture_output=True, text=True)
    found.append(int(out.stdout))
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(found))
sys.exit(5)
"#;
    let events = Program::new(["python3", "-c", script]).same();
    let shells = events.find("exec", |event| event["process"]["argv0"] == "sh");
    let mut printed: Vec<String> = shells.map(|event| text(&event["process"]["args"][1])).collect();
    printed.sort();
    assert_eq!(printed, (0..8).map(|n| format!("echo {n}")).collect::<Vec<_>>());
    let python = events.find("exec", |event| event["process"]["argv0"] == "sh").all(|event| {
        let parent = &event["process"]["ancestors"][0]["comm"];
        parent.as_str().is_some_and(|comm| comm.starts_with("python"))
    });
    assert!(python, "the shells are children of python");
}

#[test]
fn a_database_is_initialised_and_answers() {
    // PostgreSQL refuses to run as root.
    let bin = "$(dirname \"$(readlink -f \"$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb)\")\")";
    let server = "postgres --single -D data postgres";
    let script = format!(
        "PATH={bin}:$PATH; initdb -D data --no-sync --auth=trust >initdb.log 2>&1 || exit 9\n\
         echo 'select 6 * 7' | {server} 2>/dev/null | grep -c '42'"
    );
    let events = Program::new(as_nobody(["sh", "-c", &script])).prepare(give_to_nobody).same();
    assert!(events.executed("initdb") && events.executed("postgres"));
    assert!(events.any("mkdir", |event| ends_with(&event["file"]["path"], "/data/pg_wal")));
    let control = |event: &Value| ends_with(&event["file"]["path"], "/data/global/pg_control");
    assert!(events.any("open", control));
}

#[test]
fn redis_answers_a_client() {
    let script = r#"
redis-server --port 0 --unixsocket "$PWD/socket" --save '' --logfile log &
until redis-cli -s socket ping >/dev/null 2>&1; do sleep 0.05; done
redis-cli -s socket set key value
redis-cli -s socket get key
redis-cli -s socket shutdown nosave
wait $!
"#;
    let events = Program::new(["sh", "-c", script]).same();
    assert!(events.executed("redis-server") || events.executed("redis-check-rdb"));
    let on_socket = |event: &Value| ends_with(&event["bind"]["addr"]["path"], "/socket");
    assert!(events.any("bind", on_socket));
    let server = |event: &Value| event["process"]["comm"] == "redis-server";
    assert!(events.any("accept", server));
    assert!(events.any("connect", |event| event["process"]["comm"] == "redis-cli"));
}

#[test]
fn curl_fetches_from_a_local_server() {
    let script = r#"
import http.server, subprocess, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page " + self.path.encode())
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]
print(subprocess.run(["curl", "-s", "--noproxy", "*", f"http://127.0.0.1:{port}/x"],
                     capture_output=True, text=True).stdout)
server.shutdown()
"#;
    let events = Program::new(["python3", "-c", script]).same();
    let connects = events.find("connect", |event| event["process"]["comm"] == "curl");
    let port = connects
        .filter(|event| event["connect"]["addr"]["ip"] == "127.0.0.1")
        .find_map(|event| event["connect"]["addr"]["port"].as_u64())
        .expect("curl connects");
    assert!(events.any("bind", |event| event["bind"]["addr"]["ip"] == "127.0.0.1"));
    assert!(events.any("accept", |event| event["accept"]["addr"]["ip"] == "127.0.0.1"));
    assert!(port > 1023);
}

#[test]
fn programs_that_do_not_begin_or_are_killed() {
    for (argv, status) in [
        (vec!["/no/such/program"], 127),
        (vec!["no-such-program"], 127),
        (vec!["/etc/passwd"], 126),
        (vec!["/"], 126),
        (vec!["sh", "-c", "kill -TERM $$"], 143),
        (vec!["sh", "-c", "kill -SEGV $$"], 139),
    ] {
        assert_eq!(Program::new(argv.clone()).traced().status, status, "{argv:?}");
    }
}

fn repository(dir: &Path) {
    let origin = dir.join("origin");
    fs::create_dir(&origin).unwrap();
    fs::write(origin.join("file"), "content\n").unwrap();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let status = Command::new("git").args(identity).args(args).current_dir(&origin).status();
        assert!(status.unwrap().success(), "git {args:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "file"]);
    git(&["commit", "--quiet", "--message", "first"]);
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// A command as user and group 65534, if this is run by root.
fn as_nobody<const N: usize>(command: [&str; N]) -> Vec<String> {
    let drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let drop = if is_root() { &drop[..] } else { &[] };
    drop.iter().chain(&command).map(|word| (*word).to_owned()).collect()
}

fn give_to_nobody(dir: &Path) {
    if is_root() {
        std::os::unix::fs::chown(dir, Some(65534), Some(65534)).unwrap();
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn ends_with(value: &Value, end: &str) -> bool {
    value.as_str().is_some_and(|text| text.ends_with(end))
}

fn has_flag(event: &Value, flag: &str) -> bool {
    event["file"]["flags"].as_array().is_some_and(|flags| flags.iter().any(|name| name == flag))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
