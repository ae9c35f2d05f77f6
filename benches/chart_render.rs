//! How fast charts are rendered beside `helm template`: as one process a chart, and in one process for all of them.
//!
//! Each chart is rendered three ways in turn, `ROUNDS` times, and the best time of each way counts. A chart that one of
//! the three refuses is left out and counted. The ratios of one run are what to compare; seconds depend on the machine.
//!
//! ```sh
//! cargo bench --profile quick --bench chart_render -- --helm helm CHARTS…
//! ```
//!
//! CHARTS are charts, archives and folders that hold some, at any depth; `--sample N` takes N of them, evenly spread.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program prints, and ends at the first failure"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use carrack::helm::{Options, load, render};

const ROUNDS: usize = 3;

const USAGE: &str = "usage: chart_render [--helm HELM] [--sample N] CHART|FOLDER…";

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let (mut helm, mut sample, mut charts) = ("helm".to_owned(), usize::MAX, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--helm" => helm = arguments.next().expect(USAGE),
            "--sample" => sample = arguments.next().and_then(|n| n.parse().ok()).expect(USAGE),
            path => find(Path::new(path), &mut charts),
        }
    }
    if charts.is_empty() {
        println!("{USAGE}");
        return;
    }
    charts.sort();
    let step = charts.len().div_ceil(sample).max(1);
    let charts: Vec<PathBuf> = charts.into_iter().step_by(step).collect();
    let measured: Vec<Times> = charts.iter().filter_map(|chart| measure(chart, &helm)).collect();
    println!(
        "{} charts measured, {} refused by one of the three",
        measured.len(),
        charts.len() - measured.len()
    );
    report("helm template, a process", &measured, |t| t.helm);
    report("carrack charts render, a process", &measured, |t| t.process);
    report("carrack as a library", &measured, |t| t.library);
}

/// The best time of each way.
struct Times {
    helm: Duration,
    process: Duration,
    library: Duration,
}

/// Prints the median time of one way, and the median over the charts of how much faster than Helm it is.
fn report(name: &str, measured: &[Times], way: fn(&Times) -> Duration) {
    let times = measured.iter().map(|t| way(t).as_secs_f64() * 1000.0).collect();
    let ratios = measured
        .iter()
        .map(|t| t.helm.as_secs_f64() / way(t).as_secs_f64())
        .collect();
    println!(
        "{name}: median {:.2} ms, {:.1} times Helm's speed",
        median(times),
        median(ratios)
    );
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Charts below a folder; what lies inside a chart belongs to it.
fn find(path: &Path, charts: &mut Vec<PathBuf>) {
    if path.join("Chart.yaml").is_file() || path.extension().is_some_and(|end| end == "tgz") {
        charts.push(path.to_owned());
    } else if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            find(&entry.unwrap().path(), charts);
        }
    }
}

fn measure(chart: &Path, helm: &str) -> Option<Times> {
    let carrack = env!("CARGO_BIN_EXE_carrack");
    let mut best: Option<Times> = None;
    for _ in 0..ROUNDS {
        let now = Times {
            helm: timed(|| run(&[helm, "template"], chart))?,
            process: timed(|| run(&[carrack, "charts", "render"], chart))?,
            library: timed(|| in_process(chart))?,
        };
        best = Some(match best {
            None => now,
            Some(before) => Times {
                helm: before.helm.min(now.helm),
                process: before.process.min(now.process),
                library: before.library.min(now.library),
            },
        });
    }
    best
}

/// How long it took, if it worked.
fn timed(work: impl FnOnce() -> bool) -> Option<Duration> {
    let started = Instant::now();
    work().then(|| started.elapsed())
}

fn run(command: &[&str], chart: &Path) -> bool {
    let status = Command::new(command[0])
        .args(&command[1..])
        .arg(chart)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().success()
}

/// From the disk to the text, as the process does it.
fn in_process(chart: &Path) -> bool {
    let options = Options::default();
    let text = load(chart).and_then(|chart| render(&chart, &options)?.template_output(&options));
    text.is_ok()
}
