//! The bill as one page of HTML, without scripts and without anything from elsewhere.

use std::fmt::Write as _;

use super::{Bill, ChartLine, Line};
use crate::commands::size;

/// Writes the whole page.
pub(super) fn write(bill: &Bill) -> String {
    let title = escape(&bill.title());
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<dl>\n",
        include_str!("page.css")
    );
    for line in bill.seal.lines() {
        let class = if line.starts_with("signed by ") {
            "good"
        } else {
            "bad"
        };
        let _ = writeln!(
            html,
            "<dt>Signature</dt><dd class=\"{class}\">{}</dd>",
            escape(line)
        );
    }
    for (name, value) in bill.facts() {
        let _ = writeln!(html, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    html.push_str("</dl>\n");
    if !bill.images.is_empty() {
        html.push_str(
            "<h2>Images</h2>\n<table>\n<thead><tr><th>image and digest</th><th class=\"number\">size</th>\
             <th>platforms</th><th>why it is here</th><th>signed by</th></tr></thead>\n<tbody>\n",
        );
        for line in &bill.images {
            image(&mut html, line);
        }
        html.push_str("</tbody>\n</table>\n");
    }
    if !bill.charts.is_empty() {
        html.push_str(
            "<h2>Charts</h2>\n<table>\n<thead><tr><th>chart and SHA-256</th><th class=\"number\">size</th></tr></thead>\n<tbody>\n",
        );
        for line in &bill.charts {
            chart(&mut html, line);
        }
        html.push_str("</tbody>\n</table>\n");
    }
    html.push_str(
        "<div class=\"sign\"><div>Name</div><div>Date</div><div>Signature</div></div>\n\
         <footer>The SHA-256 above is that of the file carrack/inventory.json, which names every file of the drive with \
         its own. <code>carrack verify</code> compares them; a signature says that nothing changed since the drive was \
         written, not that what was written is good. Sizes of images count what they share each time.</footer>\n\
         </body>\n</html>\n",
    );
    html
}

fn image(html: &mut String, line: &Line) {
    let mut signed = list(&line.signed_by);
    if line.signed_by.is_empty() {
        signed = match line.attached {
            0 => "–".to_owned(),
            n => format!("not checked ({n} attached)"),
        };
    }
    let _ = writeln!(
        html,
        "<tr><td><b>{}</b><br><code>{}</code></td><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{signed}</td></tr>",
        escape(&line.reference.to_string()),
        line.digest,
        size(line.bytes),
        list(&line.platforms),
        list(&line.why),
    );
}

fn chart(html: &mut String, line: &ChartLine) {
    let _ = writeln!(
        html,
        "<tr><td><b>{}</b><br><code>{}</code></td><td class=\"number\">{}</td></tr>",
        escape(&line.path),
        line.digest.hex(),
        size(line.bytes),
    );
}

fn list(items: &[String]) -> String {
    let items = items.iter().map(|item| format!("<li>{}</li>", escape(item)));
    let items: String = items.collect();
    if items.is_empty() {
        "–".to_owned()
    } else {
        format!("<ul>{items}</ul>")
    }
}

/// Text of strangers in a page.
fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            c => shown.push(c),
        }
    }
    shown
}
