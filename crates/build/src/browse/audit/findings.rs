//! What an audit found, collected by rule.

use std::collections::BTreeMap;

use super::rule::{AuditLevel, AuditRule};

/// Findings of one rule that are listed; further ones are counted.
const MAX_LISTED: usize = 100_000;

/// A place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: AuditRule,
    /// The layer, from 0, lowest first, if it is about one.
    pub layer: Option<usize>,
    /// The path in the layer or in the image, if it is about a file.
    pub path: Option<Vec<u8>>,
    /// What is wrong there, in a sentence without a capital and full stop.
    pub message: String,
}

/// All findings of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingGroup {
    /// The rule.
    pub rule: AuditRule,
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
}

/// Which rules are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChoice {
    /// Rules of lower levels are not.
    pub level: AuditLevel,
    /// If any are named: no others.
    pub only: Vec<AuditRule>,
    /// These are not.
    pub skip: Vec<AuditRule>,
}

impl Default for RuleChoice {
    fn default() -> Self {
        Self {
            level: AuditLevel::Note,
            only: Vec::new(),
            skip: Vec::new(),
        }
    }
}

impl RuleChoice {
    /// Whether a rule is looked at.
    pub fn has(&self, rule: AuditRule) -> bool {
        rule.level() >= self.level
            && !self.skip.contains(&rule)
            && (self.only.is_empty() || self.only.contains(&rule))
    }
}

/// Collects findings of the chosen rules.
pub(super) struct Findings<'c> {
    choice: &'c RuleChoice,
    groups: BTreeMap<AuditRule, FindingGroup>,
}

impl<'c> Findings<'c> {
    pub(super) fn new(choice: &'c RuleChoice) -> Self {
        Self {
            choice,
            groups: BTreeMap::new(),
        }
    }

    /// Whether one of these rules is looked at.
    pub(super) fn wants(&self, rules: &[AuditRule]) -> bool {
        rules.iter().any(|rule| self.choice.has(*rule))
    }

    /// Adds a finding about the whole image.
    pub(super) fn about_image(&mut self, rule: AuditRule, message: impl Into<String>) {
        self.add(rule, None, None, || message.into());
    }

    /// Adds a finding about a layer, counted from zero.
    pub(super) fn about_layer(
        &mut self,
        rule: AuditRule,
        layer: usize,
        message: impl Into<String>,
    ) {
        self.add(rule, Some(layer), None, || message.into());
    }

    /// Adds a finding about a path; the layer is counted from zero.
    pub(super) fn at(
        &mut self,
        rule: AuditRule,
        layer: Option<usize>,
        path: &[u8],
        message: impl Into<String>,
    ) {
        self.add(rule, layer, Some(path), || message.into());
    }

    fn add(
        &mut self,
        rule: AuditRule,
        layer: Option<usize>,
        path: Option<&[u8]>,
        message: impl FnOnce() -> String,
    ) {
        if !self.choice.has(rule) {
            return;
        }
        let group = self.groups.entry(rule).or_insert_with(|| FindingGroup {
            rule,
            count: 0,
            findings: Vec::new(),
        });
        group.count += 1;
        if group.findings.len() < MAX_LISTED {
            group.findings.push(Finding {
                rule,
                layer,
                path: path.map(<[u8]>::to_vec),
                message: message(),
            });
        }
    }

    /// The groups, the worst first.
    pub(super) fn finish(self) -> Vec<FindingGroup> {
        let mut groups: Vec<FindingGroup> = self.groups.into_values().collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.rule.level()), group.rule));
        groups
    }
}
