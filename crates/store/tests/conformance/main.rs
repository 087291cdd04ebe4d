//! What every backend promises. Each test takes the backend as its argument; a backend is one line below.
//!
//! `sqlite.rs` holds what only SQLite has: files that can be tampered with, a lock, a start that sweeps.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on has failed"
)]

mod accounts;
mod arrivals;
mod attempts;
mod audit_log;
mod bodies;
mod campaigns;
mod connectors;
mod contact_replay;
mod contacts;
mod directory_entries;
mod dispensings;
mod entries;
mod folders;
mod held;
mod incidents;
mod indicators;
mod intake;
mod keeping;
mod life;
mod mailboxes;
mod migration;
mod mutation;
mod patients;
mod publications;
mod queue;
mod receipts;
mod record;
mod registry;
mod returned;
mod sqlite;
mod sqlite_erased;
mod stories;
mod support;
mod turns;
mod watches;

/// Runs every test for every backend. A test that is not listed is dead code, which the build refuses.
macro_rules! conformance {
    (backends { $($backend:ident = $open:expr;)+ } tests $tests:tt) => {
        $(mod $backend { conformance!(@ $open, $tests); })+
    };
    (@ $open:expr, { $($subject:ident: $($test:ident)+;)+ }) => {
        $(mod $subject {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::$subject::$test(&$open).await;
            })+
        })+
    };
}

conformance! {
    backends {
        on_sqlite = crate::support::Sqlite;
    }
    tests {
        accounts:
            a_password_opens_the_account_of_its_name_only
            a_certificate_opens_the_account_whatever_the_spelling_of_its_name
            a_suspended_mailbox_lets_nobody_in
            a_professional_opens_his_own_mailboxes_only
            a_name_or_certificate_is_given_once
            one_of_several_mailboxes_opens_and_all_may_be_written_as
            an_app_password_opens_its_mailbox_and_nothing_else
            a_helper_is_known_as_one_however_he_signs_in
            an_app_mailbox_opens_to_a_certificate_of_its_structure_only
            a_professional_opens_what_his_account_is_granted
            a_session_holds_as_long_as_all_that_opened_it
            sign_ins_are_noted_to_the_hour
            an_unknown_name_costs_a_check_too;
        arrivals:
            the_same_again_is_there_once_and_its_record_says_so
            who_has_not_got_it_gets_it
            what_differs_in_anything_is_another_message
            after_its_time_it_is_another_message
            repeats_in_one_batch_are_merged
            a_merged_message_changes_nothing_between_people
            who_was_not_reached_may_be_written_to_again
            what_was_not_kept_is_no_first_one;
        incidents:
            every_version_is_kept_and_none_is_written_over;
        indicators:
            a_stretch_of_the_record_is_counted_once_whoever_is_faster
            senders_cannot_fill_the_store_with_labels
            a_month_is_closed_once_and_in_its_turn
            sign_ins_are_counted_by_mailbox_and_patients_are_left_out
            the_entries_about_messages_are_found;
        audit_log:
            a_record_that_is_sealed_step_by_step_can_be_checked
            what_was_sealed_is_sealed_after_any_end_of_the_store
            of_two_sealers_one_is_faster_and_the_other_leaves_nothing
            a_seal_adds_an_entry
            a_write_that_is_undone_leaves_no_gap
            what_is_recorded_is_told_and_counted_until_it_is_sealed
            a_tile_is_handed_out_as_it_was_when_it_was_narrower
            entries_of_a_message_are_found;
        bodies:
            a_body_comes_back_as_it_was_whatever_its_size
            a_range_is_exact_at_the_edges_of_chunks
            a_staged_body_is_read_in_parts_before_anything_names_it
            a_body_staged_by_another_store_is_not_read
            a_body_written_byte_by_byte_is_the_same
            a_body_goes_with_the_last_that_refers_to_it
            a_body_staged_for_another_message_is_refused;
        campaigns:
            a_campaign_is_known_by_its_name_and_has_one_template
            a_recipient_is_one_once_and_keeps_what_was_told_of_him_first
            a_message_and_its_recipients_end_are_one_transaction
            two_who_work_on_one_campaign_send_once
            what_was_settled_is_settled_after_any_end_of_the_store
            a_message_that_cannot_be_taken_in_leaves_its_recipient_waiting
            counts_tell_how_many_came_to_which_end_and_when
            a_campaign_is_paused_and_goes_on
            campaigns_come_in_pages_the_oldest_first;
        connectors:
            a_connector_comes_back_as_it_was_kept
            a_connector_that_is_put_again_is_changed_as_a_whole
            a_domain_or_an_address_has_one_connector
            what_is_done_to_a_connector_is_on_record_and_what_is_refused_is_not
            what_a_removed_connector_had_is_free_and_its_name_is_known;
        contact_replay:
            the_history_replayed_gives_what_is_stored;
        contacts:
            an_ordinary_message_opens_a_contact_and_its_history_tells
            a_message_that_cannot_be_answered_opens_nothing_and_is_noted
            an_end_closes_all_that_its_author_opened_and_nothing_else
            an_end_by_a_message_to_answer_elsewhere_closes_its_author_too
            an_admin_closes_a_contact_once
            contacts_come_in_pages_by_address
            a_message_that_is_refused_turns_nothing
            what_a_mailbox_received_is_found_by_its_message_id
            what_was_received_goes_with_its_mailbox_and_its_time
            a_report_taken_in_with_a_settlement_is_remembered_too
            deliveries_get_the_keywords_of_their_message;
        directory_entries:
            lines_are_kept_by_number_and_replaced
            lines_are_removed_once_one_or_all
            a_deleted_mailbox_takes_its_lines_along
            words_follow_their_mailbox
            many_are_narrowed_word_by_word_and_come_by_address;
        dispensings:
            the_last_day_is_that_of_this_patient_and_this_pharmacy
            the_same_dispensings_again_change_nothing
            of_one_day_what_was_reimbursed_counts
            dispensings_are_listed_the_last_first
            what_is_old_is_forgotten_by_whole_weeks_a_few_at_a_time
            a_pharmacy_is_known_by_what_it_dispensed_or_by_word
            many_patients_over_a_year_are_kept_apart;
        entries:
            uids_grow_and_are_never_given_twice
            recent_is_told_once
            changes_tell_what_is_new_changed_and_gone
            flags_are_added_removed_and_replaced
            a_copy_has_new_uids_in_the_same_order
            expunge_removes_only_what_is_deleted_and_named
            nothing_expunged_is_nothing_recorded
            what_is_done_to_messages_is_recorded_of_each
            an_append_beyond_the_quota_is_refused_and_leaves_nothing
            status_counts_what_is_there
            appends_that_race_get_each_uid_once;
        folders:
            a_mailbox_begins_with_five_folders
            missing_parents_are_made
            a_name_is_taken_once_and_inbox_in_any_case
            a_folder_with_children_cannot_be_deleted_nor_can_inbox
            a_folder_made_anew_has_another_uid_validity
            renaming_takes_the_children_along
            renaming_inbox_moves_its_messages
            a_folder_is_not_moved_below_itself_nor_onto_another
            subscriptions_outlive_the_folder
            changes_are_told;
        intake:
            what_was_accepted_is_there_after_reopening
            deliveries_land_in_inbox_and_count
            a_caller_that_vanishes_cancels_nothing
            one_bad_message_in_a_batch_fails_alone
            an_id_is_accepted_once
            a_message_for_nobody_leaves_its_record_only
            many_callers_at_once_lose_nothing;
        life:
            a_mailbox_is_known_with_all_that_was_said_of_it
            the_first_stage_that_applies_is_where_a_mailbox_stands
            mailboxes_come_in_pages_by_address
            mailboxes_are_filtered_by_all_that_is_asked
            a_deleted_mailbox_is_gone_and_its_address_kept
            a_deletion_takes_the_ways_in_that_open_nothing_else
            a_kept_address_is_given_back_to_its_holder_only
            inactive_mailboxes_are_found_and_those_that_are_not_are_left_alone
            a_sign_in_answers_a_notice_for_inactivity
            what_ends_a_session_is_told;
        mailboxes:
            a_mailbox_is_found_by_any_spelling_of_its_address
            an_address_is_given_once
            the_state_of_a_mailbox_is_kept;
        patients:
            a_space_is_what_was_brought_last
            the_same_again_is_unchanged_and_a_birth_is_not_forgotten
            spaces_are_counted_by_their_state
            a_mailbox_is_made_when_it_is_needed_first
            a_space_and_its_mailbox_open_and_close_together
            a_suspension_is_the_mailboxs_own
            a_deleted_mailbox_leaves_a_closed_space
            a_patients_mailbox_has_the_address_of_his_ins
            what_a_batch_changes_is_on_record
            a_batch_of_many_is_counted_row_by_row;
        publications:
            what_waits_is_given_in_the_order_in_which_it_is_due
            what_was_told_is_remembered_and_waits_no_longer
            a_change_during_a_try_waits_still_and_is_due_at_once
            a_change_of_a_mailbox_is_noted_in_its_own_transaction;
        registry:
            an_account_is_known_with_its_grants_and_credentials
            accounts_come_in_pages_by_name
            what_is_not_there_cannot_be_changed;
        held:
            a_held_row_waits_whatever_is_tried_and_names_its_reason
            the_depth_of_the_queue_tells_what_waits_what_is_due_and_what_is_held
            a_held_message_is_released_into_a_mailbox_as_a_delivery_is
            a_held_message_is_released_to_another_server_with_time_of_its_own
            a_dropped_message_goes_back_to_its_sender
            what_nobody_decided_on_in_time_goes_back
            what_is_decided_once_is_not_decided_again
            a_full_mailbox_takes_nothing_that_is_released;
        returned:
            a_returned_row_carries_its_reason_from_the_start_and_is_due_at_once
            a_returned_row_and_its_report_are_one_settlement
            a_returned_row_outlives_a_crash_and_is_reported_once
            a_message_that_is_only_returned_is_kept_until_it_is_reported;
        turns:
            where_more_is_due_than_is_claimed_destinations_take_turns
            a_destination_that_has_enough_gets_nothing
            notices_go_first
            a_lease_given_up_is_due_again_and_counts_nothing
            a_server_that_is_there_again_wakes_what_waits_for_it;
        attempts:
            a_row_shows_its_last_ten_tries_and_they_go_with_it
            a_try_that_somebody_asked_for_does_not_count_in_the_back_off
            what_was_not_tried_counts_as_no_try
            an_admin_holds_what_waits_and_only_that
            an_admin_gives_what_waits_back;
        queue:
            a_row_is_claimed_once_by_workers_that_race
            a_lease_comes_back_when_its_time_is_over
            a_lease_that_has_passed_to_someone_else_settles_nothing
            rows_for_one_destination_come_together
            a_relayed_row_is_gone_and_the_body_with_the_last
            a_deferred_row_waits_with_its_reason
            a_report_is_taken_in_with_the_settlement
            a_settlement_counts_once
            retry_now_makes_a_row_due
            hastened_rows_are_due_and_no_others
            a_row_that_somebody_tries_is_not_hastened
            nothing_hastened_is_nothing_recorded
            what_waits_is_shown_oldest_first
            a_claim_tells_all_that_the_courier_needs;
        watches:
            a_report_moves_on_what_its_recipient_has_sent_to_its_party_once
            what_is_late_is_due_until_it_is_ended_once
            what_came_in_time_or_meanwhile_is_not_told
            what_may_be_sent_once_more_is_kept_until_it_was;
        receipts:
            a_message_that_is_opened_owes_one_receipt_whatever_happens_to_its_flags
            a_receipt_and_its_report_are_one_transaction
            only_a_patient_who_opens_what_asks_for_it_owes_a_receipt
            what_is_opened_can_be_read_until_its_receipt_is_settled
            receipts_go_with_their_mailbox_and_their_time;
        stories:
            a_story_begins_with_its_message
            a_message_relayed_ends_its_story
            what_fails_and_what_is_returned_say_why
            what_is_held_and_goes_on_waits_again
            what_is_held_and_put_into_a_mailbox_is_opened_there
            a_message_is_opened_once_and_by_whom_it_lies_with
            many_at_once_have_each_its_story
            stories_are_found_by_all_that_is_asked_the_last_first
            stories_are_forgotten_when_their_time_is_over_a_few_at_a_time;
        keeping:
            entries_whose_time_is_over_are_emptied_and_the_tree_is_what_it_was
            what_is_not_counted_is_not_pruned
            whoever_is_told_of_by_what_is_not_sealed_keeps_his_key
            a_patient_is_forgotten_and_the_others_are_not
            who_is_erased_before_the_seal_is_told_of_by_nothing
            whose_mailbox_or_mail_is_here_is_not_forgotten;
        record:
            events_of_a_message_come_in_order
            rows_of_their_own_are_kept
            a_person_in_the_record_is_who_he_was
            the_record_outlives_its_message
            the_record_is_read_in_order_page_by_page
            what_is_about_a_person_is_found_sealed_or_not;
    }
}
