//! The bill as one page of HTML, without scripts and without anything from elsewhere.

use std::fmt::Write as _;

use super::{Bill, ChartLine, Line, Tone};
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
    for fact in bill.facts() {
        let class = match fact.tone {
            Tone::Plain => "",
            Tone::Good => " class=\"good\"",
            Tone::Bad => " class=\"bad\"",
        };
        let _ = writeln!(
            html,
            "<dt>{}</dt><dd{class}>{}</dd>",
            fact.name,
            escape(&fact.text)
        );
    }
    html.push_str("</dl>\n");
    if !bill.images.is_empty() {
        html.push_str(
            "<h2>Images</h2>\n<table>\n<thead><tr><th>Image and digest</th><th class=\"number\">Size</th>\
             <th>Platforms</th><th>Why it is here</th><th>Signed by</th></tr></thead>\n<tbody>\n",
        );
        for line in &bill.images {
            image(&mut html, line);
        }
        html.push_str("</tbody>\n</table>\n");
    }
    if !bill.charts.is_empty() {
        html.push_str(
            "<h2>Charts</h2>\n<table>\n<thead><tr><th>Chart and SHA-256</th><th class=\"number\">Size</th></tr></thead>\n<tbody>\n",
        );
        for line in &bill.charts {
            chart(&mut html, line);
        }
        html.push_str("</tbody>\n</table>\n");
    }
    html.push_str(
        "<div class=\"sign\"><div>Name</div><div>Date</div><div>Signature</div></div>\n\
         <footer>The SHA-256 above is that of the file carrack/inventory.json, which names every file of the drive with \
         its own. <code>carrack verify</code> compares them. A signature says that nothing changed since it was made, not that \
         what was signed is good. Images share layers: the sizes in the table count them for each.</footer>\n\
         </body>\n</html>\n",
    );
    html
}

fn image(html: &mut String, line: &Line) {
    let signed = if line.signed_by.is_empty() {
        format!("<i>{}</i>", escape(&line.vouched()))
    } else {
        list(&line.signed_by)
    };
    let _ = writeln!(
        html,
        "<tr><td><b>{}</b><br><code>{}</code></td><td class=\"number\" data-name=\"Size\">{}</td>\
         <td class=\"whole\" data-name=\"Platforms\">{}</td><td data-name=\"Why it is here\">{}</td>\
         <td class=\"whole\" data-name=\"Signed by\">{signed}</td></tr>",
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
        "<tr><td><b>{}</b><br><code>{}</code></td><td class=\"number\" data-name=\"Size\">{}</td></tr>",
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
