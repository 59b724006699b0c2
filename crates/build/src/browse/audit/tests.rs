use super::rule::{AuditLevel, AuditRule};

#[test]
fn rules_have_texts() {
    for rule in AuditRule::ALL {
        assert!(rule.description().ends_with('.'), "{rule:?}");
        assert!(!rule.description().contains("  "), "{rule:?}");
        assert!(!rule.advice().ends_with('.'), "{rule:?}");
        assert!(rule.name().chars().all(char::is_alphanumeric));
    }
    assert!(AuditLevel::Error > AuditLevel::Warning && AuditLevel::Warning > AuditLevel::Note);
}
