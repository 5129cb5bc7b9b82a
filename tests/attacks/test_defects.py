"""Defects of public implementations: each is excluded by tests that would see it come back."""
import ast
import pathlib

import pytest

TESTS = pathlib.Path(__file__).parents[1]

# What was done wrong, and the tests in which doing so again fails: FILE::NAME, without "test_".
DEFECTS = {
    "a logit is clipped at 1 - 1e-9, which is 1 in float32: a jump near 1, NaN gradients": [
        "revsig_keras/defences/test_reverse_sigmoid::literal_formula_is_exact",
        "revsig_keras/defences/test_reverse_sigmoid::gradients_are_finite_however_steep",
    ],
    "odds are clamped below 1, so that every entry above 1/2 is left alone": [
        "revsig_keras/defences/test_reverse_sigmoid::literal_formula_is_exact",
    ],
    "by default every answer is the uniform row": [
        "revsig_keras/defences/test_reverse_sigmoid::the_defaults_keep_what_answers_tell_apart",
    ],
    "logits are taken for probabilities without a word": [
        "revsig_keras/defended_model/test_defended_heads::"
        "unknown_logits_are_refused_at_the_first_call",
        "attacks/oracle/test_oracle::answers_that_are_no_probabilities_are_refused_and_not_charged",
    ],
    "the label is said to be kept and is not": [
        "revsig_keras/defences/test_reverse_sigmoid::no_label_of_a_million_rows_changes",
        "attacks/test_panel::an_attack_spends_its_budget_pays_for_no_row_twice_and_can_be_repeated",
    ],
    "larger budgets start from the clones of smaller ones": [
        "attacks/clone/test_trainer::a_clone_does_not_depend_on_the_clones_before_it",
        "models/training/test_trainer::every_run_starts_afresh",
    ],
    "x - delta is queried and x + delta kept; seeds are overwritten; all is queried every round": [
        "queries/test_jacobian::new_points_are_base_points_moved_by_the_sign_of_a_gradient",
        "queries/test_jacobian::growth_doubles_until_the_reservoir_makes_it_linear",
        "queries/test_substitute_attack::the_seeds_are_those_of_sample_and_stay_as_they_are",
        "queries/test_substitute_attack::the_budget_is_spent_exactly_on_inputs_that_are_all_new",
    ],
    "the clone is chosen on test data; budgets do not hold; queries are not logged": [
        "attacks/clone/test_trainer::early_stopping_stops_early",
        "attacks/oracle/test_oracle::past_its_budget_the_oracle_raises_before_the_victim_runs",
        "attacks/report/rows/test_strongest::"
        "one_thief_is_chosen_for_all_seeds_by_the_mean_on_validation",
        "attacks/endpoint/test_collector::an_answer_that_is_not_on_disk_is_not_given",
    ],
    "as many backward passes per input as there are classes": [
        "models/test_gradients::one_backward_pass_gives_the_gradient_of_every_row",
        "queries/test_substitute_attack::there_is_one_backward_pass_per_batch_whatever_the_number_"
        "of_classes",
    ],
    "a saved model turns out to be the undefended one": [
        "revsig_keras/saved_model/test_inspection::what_a_defended_model_exports_is_defended",
    ],
    "a figure without unit or direction": [
        "attacks/evaluation/test_evaluator::the_distortion_is_that_of_the_formulas_in_float64",
        "attacks/evaluation/test_evaluator::"
        "the_divergence_of_a_clone_is_of_the_clone_from_the_victim",
    ],
    "a figure without seed, version and command": [
        "attacks/test_run::every_cell_can_be_made_again",
        "attacks/test_run::the_flagfile_replays_the_run",
    ],
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_excluded_by_tests_that_are_there(defect):
    assert DEFECTS[defect]
    for test in DEFECTS[defect]:
        path, name = test.split("::")
        path = path.replace("queries/", "attacks/queries/")
        tree = ast.parse((TESTS / f"{path}.py").read_text())
        assert f"test_{name}" in {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef)
        }, test
