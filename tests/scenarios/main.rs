//! Scenarios against a running sandbox. A file is named after its fault or its promise.
//!
//! A scenario whose peer is not on this machine is listed as ignored, with the peer's name: `tests/run` installs them all.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::print_stderr,
    reason = "this is test code"
)]

mod admins_day;
mod alert_rules;
mod answers_overdue;
mod app_mailbox;
mod bytes_kept_as_sent;
mod certificate_hints;
mod changed_lists_take_effect;
mod changing_list_under_load;
mod clear_text_never;
mod connector_by_command;
#[cfg(target_os = "linux")]
mod crash;
#[cfg(target_os = "linux")]
mod disk_forgets;
mod documents;
mod domain_not_listed;
mod each_recipient_told;
mod envelope_and_header;
mod fetching_node;
mod hospital_down_for_days;
mod hospital_that_fails;
mod hospital_with_exim;
mod hospital_with_postfix;
mod hostile_input;
mod hostile_publisher;
mod incident_register;
mod indicators;
mod killed_under_load;
mod letter_crosses_operators;
mod mail_programs;
mod mail_programs_sign_in;
mod metrics_listed;
mod old_tls;
mod passwords_guessed;
mod patient_spaces;
mod peer_not_proven;
mod pharmacy_door;
mod prevention_notices;
mod programs_find_the_server;
mod receipts_come_back;
mod record;
mod relations;
mod resumed_never;
mod revocation_list_ends;
mod sender_forged;
mod sent_again;
mod server_not_proven;
mod sessions_end;
mod slowest;
mod token_stage;
mod tokens_of_an_issuer;
mod too_much;
mod traces_told;
mod trust_list_kept;
mod trust_list_of_the_field;
mod virus_found;

use e2e::{Outcome, Sandbox, confidential, issuer, need};
use libtest_mimic::{Arguments, Trial};

#[cfg(target_os = "linux")]
use crate::Need::Disk;
use crate::Need::{Issuer, Program, ReferenceData, Root};

/// A scenario, and what it needs beside Pli itself.
struct Scenario {
    name: &'static str,
    needs: &'static [Need],
    run: fn() -> Outcome,
}

enum Need {
    Program(&'static str),
    ReferenceData,
    Root,
    /// A mount of our own: root, and `/dev/fuse`.
    #[cfg(target_os = "linux")]
    Disk,
    /// npm's packages in `tests/issuer`.
    Issuer,
}

impl Need {
    /// What is missing, if it is.
    fn missing(&self) -> Option<String> {
        match self {
            Self::Program(name) => need::program(name).is_none().then(|| format!("without {name}")),
            Self::ReferenceData => need::reference_data().is_none().then(|| "without PLI_REFERENCE_DATA".to_owned()),
            Self::Issuer => issuer::folder().is_none().then(|| "without npm's oidc-provider".to_owned()),
            #[cfg(target_os = "linux")]
            Self::Disk => (!e2e::disk::Disk::can_be()).then(|| "without root and /dev/fuse".to_owned()),
            Self::Root => (!need::is_root()).then(|| "without root".to_owned()),
        }
    }
}

/// `scenario!(file::function)`, with what it needs.
macro_rules! scenario {
    ($file:ident :: $name:ident $(, $need:expr)*) => {
        Scenario { name: concat!(stringify!($file), "::", stringify!($name)), needs: &[$($need),*], run: $file::$name }
    };
}

const SCENARIOS: &[Scenario] = &[
    scenario!(letter_crosses_operators::hospital_to_doctor_and_patient),
    scenario!(letter_crosses_operators::official_documents_arrive_unchanged, ReferenceData),
    scenario!(letter_crosses_operators::trace_tells_both_halves),
    scenario!(letter_crosses_operators::report_comes_back_when_the_last_server_refuses),
    scenario!(peer_not_proven::no_certificate_is_refused_and_closed_after_the_third),
    scenario!(peer_not_proven::a_certificate_of_a_public_authority_is_refused, Program("openssl")),
    scenario!(peer_not_proven::a_self_signed_certificate_is_refused),
    scenario!(peer_not_proven::a_certificate_of_the_people_branch_is_refused),
    scenario!(peer_not_proven::an_expired_certificate_is_refused),
    scenario!(peer_not_proven::a_certificate_that_is_not_yet_valid_is_refused),
    scenario!(peer_not_proven::a_revoked_certificate_is_refused),
    scenario!(peer_not_proven::nothing_but_the_greeting_works_before_the_proof),
    scenario!(domain_not_listed::a_certificate_in_no_entry_is_refused),
    scenario!(domain_not_listed::a_listed_peer_speaks_for_its_own_domain_only),
    scenario!(domain_not_listed::any_of_several_names_speaks_for_a_domain_and_one_name_for_several_domains),
    scenario!(
        domain_not_listed::names_match_by_value_whatever_their_case_accents_apostrophes_and_order,
        Program("openssl")
    ),
    scenario!(domain_not_listed::a_recipient_outside_of_the_trust_space_is_refused),
    scenario!(envelope_and_header::a_peer_cannot_relay_to_a_third_party),
    scenario!(envelope_and_header::a_patient_address_that_cannot_be_is_refused),
    scenario!(envelope_and_header::a_header_from_another_domain_is_refused),
    scenario!(envelope_and_header::two_from_headers_are_refused),
    scenario!(envelope_and_header::a_header_from_an_unlisted_domain_is_refused),
    scenario!(envelope_and_header::a_header_without_from_is_refused),
    scenario!(envelope_and_header::a_null_path_from_a_listed_peer_is_accepted),
    scenario!(sender_forged::by_someone_who_signed_in),
    scenario!(sender_forged::by_another_operator),
    scenario!(clear_text_never::no_mail_before_tls),
    scenario!(clear_text_never::no_sign_in_before_tls),
    scenario!(clear_text_never::bytes_behind_starttls_are_never_interpreted),
    scenario!(clear_text_never::bytes_behind_imap_starttls_are_never_interpreted),
    scenario!(old_tls::tls_1_1_and_older_are_refused),
    scenario!(old_tls::rsa_key_exchange_is_refused),
    scenario!(old_tls::triple_des_is_refused),
    scenario!(old_tls::rc4_is_refused),
    scenario!(old_tls::cbc_is_refused),
    scenario!(old_tls::either_suite_of_tls_1_2_is_enough, Program("openssl")),
    scenario!(old_tls::testssl_finds_nothing_old, Program("testssl")),
    scenario!(certificate_hints::a_gnutls_client_shows_its_certificate_to_operators, Program("gnutls-cli")),
    scenario!(certificate_hints::operators_get_no_hints, Program("openssl")),
    scenario!(certificate_hints::clients_are_asked_for_an_organisation_and_for_no_person, Program("openssl")),
    scenario!(resumed_never::no_listener_resumes_a_session, Program("openssl")),
    scenario!(resumed_never::the_client_would_resume_if_it_could, Program("openssl")),
    scenario!(resumed_never::a_revoked_peer_with_a_kept_session_is_refused, Program("openssl")),
    scenario!(server_not_proven::a_server_with_an_unlisted_name_gets_nothing),
    scenario!(server_not_proven::a_server_with_the_name_of_another_entry_gets_nothing),
    scenario!(server_not_proven::a_server_of_a_public_authority_gets_nothing, Program("openssl")),
    scenario!(server_not_proven::a_server_with_an_expired_certificate_gets_nothing),
    scenario!(server_not_proven::a_server_with_a_revoked_certificate_gets_nothing),
    scenario!(server_not_proven::a_server_whose_starttls_was_stripped_gets_nothing),
    scenario!(server_not_proven::a_server_that_refuses_starttls_gets_nothing),
    scenario!(server_not_proven::a_server_that_speaks_on_in_clear_gets_nothing),
    scenario!(admins_day::run_twice_it_changes_nothing_the_second_time, Program("python3")),
    scenario!(too_much::a_store_that_falls_behind_puts_off_what_is_new_and_recovers),
    scenario!(too_much::a_listener_that_is_full_says_so_and_takes_the_next_once_somebody_leaves),
    scenario!(too_much::a_peer_that_holds_all_it_may_leaves_the_others_room),
    scenario!(sent_again::a_peer_that_lost_the_250_is_read_once),
    scenario!(bytes_kept_as_sent::odd_messages_arrive_byte_for_byte),
    scenario!(bytes_kept_as_sent::a_message_at_the_size_limit_arrives),
    scenario!(changed_lists_take_effect::a_certificate_revoked_while_running_is_refused, Program("openssl")),
    scenario!(changed_lists_take_effect::a_domain_that_leaves_the_list_is_refused),
    scenario!(changed_lists_take_effect::queued_mail_of_a_domain_that_left_comes_back_to_its_sender),
    scenario!(changing_list_under_load::each_message_is_judged_by_the_list_of_its_beginning, Program("openssl")),
    scenario!(revocation_list_ends::accepted_while_the_last_list_holds_and_refused_after, Program("openssl")),
    scenario!(trust_list_of_the_field::the_real_list_loads, ReferenceData),
    scenario!(trust_list_of_the_field::the_list_as_published_is_refused_as_truncated, ReferenceData),
    scenario!(hostile_publisher::a_truncated_list, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::something_that_is_not_xml, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::an_entry_without_a_domain, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::an_external_entity, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::an_external_dtd, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::an_entity_that_grows, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::an_older_list, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_list_changed_after_its_signature, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_list_whose_signature_was_stripped, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_signer_of_another_name, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_signer_of_a_foreign_authority, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_signer_who_was_revoked, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::half_of_the_domains_gone, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::five_hundred_megabytes, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_byte_now_and_then, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_publisher_of_a_foreign_authority, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_publisher_of_another_name, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::an_error_of_the_server, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_redirection, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_publisher::a_connection_cut_in_the_middle, Program("openssl"), Program("xmlsec1")),
    scenario!(trust_list_kept::an_unchanged_list_is_not_sent_again, Program("openssl"), Program("xmlsec1")),
    scenario!(trust_list_kept::the_last_good_list_survives_a_restart, Program("openssl"), Program("xmlsec1")),
    scenario!(trust_list_kept::a_list_that_was_left_is_not_taken_again, Program("openssl"), Program("xmlsec1")),
    scenario!(hostile_input::an_over_long_command_line_is_answered),
    scenario!(hostile_input::bare_line_ends_and_nul_are_refused_and_hide_no_message),
    scenario!(hostile_input::ten_thousand_recipients_are_bounded),
    scenario!(hostile_input::a_gigabyte_of_data_costs_no_memory),
    scenario!(hostile_input::garbage_instead_of_a_hello_leaves_the_next_client_served),
    scenario!(hostile_input::a_slow_peer_holds_nobody_up),
    scenario!(hostile_input::unknown_commands_are_answered_and_bounded),
    scenario!(programs_find_the_server::thunderbird_signs_in_where_it_is_told),
    scenario!(programs_find_the_server::outlook_signs_in_where_it_is_told),
    scenario!(programs_find_the_server::of_no_other_domain_is_anything_told),
    scenario!(mail_programs::swaks_submits_on_both_ports, Program("swaks")),
    scenario!(mail_programs::swaks_relays_as_a_listed_operator, Program("swaks")),
    scenario!(mail_programs::python_sends_and_reads, Program("python3")),
    scenario!(mail_programs::curl_sends_and_reads, Program("curl")),
    scenario!(mail_programs::mbsync_mirrors_a_mailbox, Program("mbsync")),
    scenario!(mail_programs::an_application_signs_in_with_its_certificate),
    scenario!(mail_programs_sign_in::msmtp_by_each_method, Program("msmtp"), Issuer, Program("openssl")),
    scenario!(mail_programs_sign_in::getmail_by_each_method, Program("getmail"), Issuer, Program("openssl")),
    scenario!(
        mail_programs_sign_in::mutt_by_each_method,
        Program("mutt"),
        Program("script"),
        Issuer,
        Program("openssl")
    ),
    scenario!(mail_programs_sign_in::curl_by_each_method, Program("curl"), Issuer, Program("openssl")),
    scenario!(mail_programs_sign_in::python_by_each_method, Program("python3"), Issuer, Program("openssl")),
    scenario!(mail_programs_sign_in::mbsync_by_certificate, Program("mbsync")),
    scenario!(mail_programs_sign_in::a_thunderbird_works_through_a_day, Issuer, Program("openssl")),
    scenario!(tokens_of_an_issuer::the_holders_token_opens_his_mailbox, Issuer, Program("curl"), Program("openssl")),
    scenario!(tokens_of_an_issuer::no_other_token_does, Issuer, Program("curl"), Program("openssl")),
    scenario!(
        tokens_of_an_issuer::a_key_that_was_rotated_away_opens_nothing,
        Issuer,
        Program("curl"),
        Program("openssl")
    ),
    scenario!(
        tokens_of_an_issuer::an_opaque_token_counts_while_its_issuer_says_so,
        Issuer,
        Program("curl"),
        Program("openssl")
    ),
    scenario!(
        tokens_of_an_issuer::an_issuer_that_does_not_know_us_puts_sign_in_off,
        Issuer,
        Program("curl"),
        Program("openssl")
    ),
    scenario!(
        tokens_of_an_issuer::only_bound_tokens_count_where_a_binding_is_required,
        Issuer,
        Program("curl"),
        Program("openssl")
    ),
    scenario!(app_mailbox::opens_by_certificate_only),
    scenario!(sessions_end::a_revoked_app_password_ends_its_sessions_and_no_others),
    scenario!(sessions_end::a_suspended_mailbox_ends_all_sessions_in_it),
    scenario!(passwords_guessed::an_address_that_guesses_is_sent_away_and_the_known_holder_is_not),
    scenario!(passwords_guessed::the_holder_comes_in_from_a_new_address, Program("python3")),
    scenario!(receipts_come_back::what_became_of_a_document_is_told_to_who_sent_it),
    scenario!(receipts_come_back::that_a_patient_has_opened_a_letter_is_told_to_who_sent_it),
    scenario!(receipts_come_back::that_a_professional_has_read_is_told_to_who_wrote_to_him),
    scenario!(each_recipient_told::of_two_hospitals_one_has_it_and_the_other_refuses),
    scenario!(answers_overdue::sender_and_admin_are_told_and_the_reader_has_one_letter),
    scenario!(answers_overdue::a_node_killed_before_or_after_its_alert_sends_one),
    scenario!(relations::a_patient_writes_to_those_who_have_written_to_him),
    scenario!(relations::a_message_that_ends_the_exchange_cannot_be_answered_and_closes_nothing_else),
    scenario!(relations::a_subject_that_ends_the_exchange_closes_every_thread_until_the_next_letter),
    scenario!(relations::a_reply_to_takes_the_place_of_the_sender),
    scenario!(relations::nobody_ends_or_opens_again_what_is_anothers),
    scenario!(relations::patients_do_not_write_to_each_other),
    scenario!(relations::one_message_may_go_to_patients_and_professionals),
    scenario!(relations::reports_pass_after_the_end_and_change_nothing),
    scenario!(relations::explain_tells_the_story_of_a_relation),
    scenario!(pharmacy_door::opens_where_medicines_were_dispensed),
    scenario!(pharmacy_door::stays_shut_a_year_after_and_without_reimbursement),
    scenario!(pharmacy_door::is_open_at_any_pharmacy_where_an_admin_says_so),
    scenario!(patient_spaces::an_address_that_no_patient_can_have_is_refused),
    scenario!(patient_spaces::letters_of_corsica_in_either_case_reach_one_mailbox),
    scenario!(patient_spaces::a_shorter_form_reaches_the_same_mailbox_where_it_is_taken),
    scenario!(patient_spaces::mail_for_an_unknown_or_closed_space_comes_back),
    scenario!(patient_spaces::an_unknown_or_closed_space_is_refused_in_the_session_where_an_admin_says_so),
    scenario!(patient_spaces::a_message_over_the_limit_is_refused_for_its_size),
    scenario!(prevention_notices::each_patient_gets_a_notice_once_whatever_breaks_off),
    scenario!(documents::a_letter_about_one_patient_does_not_reach_another),
    scenario!(documents::a_prescription_waits_under_its_keyword),
    scenario!(documents::archives_that_no_honest_program_makes_cost_little_and_lose_nothing, Program("python3")),
    scenario!(traces_told::a_collector_gets_each_step_of_a_message_and_nothing_of_its_people),
    scenario!(traces_told::a_collector_that_hangs_or_is_away_slows_no_mail),
    scenario!(alert_rules::each_rule_and_each_panel_asks_for_what_a_node_shows),
    scenario!(alert_rules::prometheus_takes_the_rules_and_they_fire_as_they_should, Program("promtool")),
    scenario!(metrics_listed::the_page_of_a_node_and_the_list_of_names_are_one),
    scenario!(hospital_down_for_days::one_notice_then_one_report),
    scenario!(hospital_that_fails::postfix_in_all_its_ways, Program("postfix"), Root),
    scenario!(hospital_that_fails::exim_in_all_its_ways, Program("exim4"), Root),
    scenario!(hospital_with_postfix::relays_and_receives, Program("postfix"), Root),
    scenario!(connector_by_command::what_an_admin_changes_counts_at_the_next_mail, Program("openssl")),
    scenario!(connector_by_command::it_outlives_the_node, Program("openssl")),
    scenario!(connector_by_command::one_of_an_address_writes_as_that_address_only, Program("openssl")),
    scenario!(
        connector_by_command::a_postfix_relays_receives_and_changes_its_certificate,
        Program("postfix"),
        Program("openssl"),
        Root
    ),
    scenario!(hospital_with_exim::relays_and_receives, Program("exim4"), Root),
    scenario!(incident_register::an_incident_is_entered_changed_closed_and_handed_out),
    scenario!(indicators::a_month_of_known_traffic_is_counted_exactly_and_names_nobody),
    scenario!(virus_found::nothing_infected_comes_in_by_any_door, Program("clamd"), Program("python3")),
    scenario!(virus_found::without_its_scanner_nothing_comes_in_and_nothing_is_lost, Program("clamd")),
    scenario!(virus_found::what_is_too_large_to_be_scanned_is_never_taken, Program("clamd")),
    #[cfg(target_os = "linux")]
    scenario!(disk_forgets::what_is_synced_survives_a_cut_and_nothing_else_does, Disk),
    #[cfg(target_os = "linux")]
    scenario!(disk_forgets::a_name_survives_only_if_its_folder_was_synced, Disk),
    #[cfg(target_os = "linux")]
    scenario!(disk_forgets::a_torn_write_is_torn_between_sectors, Disk),
    #[cfg(target_os = "linux")]
    scenario!(disk_forgets::a_sync_that_fails_loses_what_it_was_to_write, Disk),
    #[cfg(target_os = "linux")]
    scenario!(disk_forgets::a_full_disk_and_one_that_is_read_only_refuse_as_linux_does, Disk),
    #[cfg(target_os = "linux")]
    scenario!(crash::every_point_has_a_name_of_its_own),
    #[cfg(target_os = "linux")]
    scenario!(crash::every_250_is_accounted_for_after_a_kill_at_any_point, Disk),
    #[cfg(target_os = "linux")]
    scenario!(crash::a_disk_that_lies_about_syncs_is_noticed, Disk),
    #[cfg(target_os = "linux")]
    scenario!(crash::a_full_disk_says_452_and_takes_mail_again_once_there_is_room, Disk),
    #[cfg(target_os = "linux")]
    scenario!(crash::a_read_only_disk_puts_mail_off_and_loses_nothing, Disk),
    #[cfg(target_os = "linux")]
    scenario!(crash::a_sync_that_fails_is_never_answered_with_250, Disk),
    #[cfg(target_os = "linux")]
    scenario!(crash::a_clock_that_jumps_loses_nothing, Disk),
    #[cfg(target_os = "linux")]
    scenario!(crash::a_peer_that_dies_before_its_reply_gets_the_message_again, Disk),
    #[cfg(target_os = "linux")]
    scenario!(crash::a_store_that_was_just_made_survives_a_power_cut, Disk),
    scenario!(record::it_tells_who_when_what_and_the_answer_and_nothing_of_a_letter),
    scenario!(record::what_was_changed_is_found_in_its_place, Program("python3")),
    scenario!(record::whatever_becomes_of_its_sealer_it_is_sealed_on),
    scenario!(killed_under_load::every_acknowledged_message_is_there_afterwards),
];

fn main() {
    let arguments = Arguments::from_args();
    let trials = SCENARIOS.iter().map(|scenario| {
        let missing: Vec<String> = scenario.needs.iter().filter_map(Need::missing).collect();
        let name = if missing.is_empty() {
            scenario.name.to_owned()
        } else {
            format!("{} ({})", scenario.name, missing.join(", "))
        };
        Trial::test(name, move || {
            slowest::timed(scenario.name, scenario.run).map_err(|error| format!("{error:#}").into())
        })
        .with_ignored_flag(!missing.is_empty())
    });
    if arguments.filter.is_none() && !arguments.list {
        // Some need it in any whole run: it is built while the others are played.
        std::thread::spawn(|| {
            e2e::pli::binary();
            e2e::testing_binary();
        });
    }
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    slowest::tell();
    Sandbox::stop_shared();
    fetching_node::end();
    token_stage::end();
    if !logs_hold_no_health_data() {
        std::process::exit(101);
    }
    conclusion.exit();
}

/// Judged last, over the logs, metrics and traces of all that ran.
fn logs_hold_no_health_data() -> bool {
    if let Err(error) = confidential::reads_what_it_should() {
        eprintln!("what is read for health data: {error:#}");
        return false;
    }
    let reading = confidential::reading();
    for finding in &reading.findings {
        eprintln!("health data where none may be: {finding}");
    }
    reading.findings.is_empty()
}
