"""Recipes as text: what each key sets, and what is refused."""
import pytest

from attacks.clone.image_changes import ImageChanges
from attacks.clone.recipe import Recipe
from attacks.clone.recipe_text import parse_recipe
from attacks.clone.recipe_text import spell_recipe

BASE = Recipe("mlp", steps=50, batch_size=16, precision="mixed_bfloat16")


@pytest.mark.parametrize("text, changes", [
    ("adam", {"optimizer": "adam:learning_rate=0.001"}),
    ("adamw:weight_decay=.1:steps=7",
     {"optimizer": "adamw:learning_rate=0.001:weight_decay=0.1", "steps": 7}),
    ("sgd:epochs=20:augment=flip+shift:shift=.2:schedule=cosine",
     {"optimizer": "sgd:learning_rate=0.01:momentum=0.9", "epochs": 20, "schedule": "cosine",
      "changes": ImageChanges("shift+flip", shift=0.2)}),
    ("sgd:weight_decay=.1:batch_size=8:held_out=.2:patience=3:label_weight=.5:temperature=4",
     {"optimizer": "sgd:learning_rate=0.01:momentum=0.9:weight_decay=0.1", "batch_size": 8,
      "held_out": 0.2, "patience": 3, "label_weight": 0.5, "temperature": 4.0}),
    ("adam:augment=rotation+cutout:rotation=30:cutout=.25",
     {"optimizer": "adam:learning_rate=0.001",
      "changes": ImageChanges("rotation+cutout", rotation=30, cutout=0.25)}),
])  # yapf: disable
def test_what_a_text_does_not_name_is_that_of_the_base(text, changes):
    fields = {"architecture": "mlp", "steps": 50, "batch_size": 16, "precision": "mixed_bfloat16"}
    assert parse_recipe(text, BASE) == Recipe(**{**fields, **changes})


@pytest.mark.parametrize("text, message", [
    ("rmsprop:steps=6", "Unknown optimizer 'rmsprop'"),
    ("adam:speed=1", "Unknown option 'speed'.*takes: learning_rate. A recipe takes also: steps"),
    ("adam:steps=many", "'steps'.*must be an integer"),
    ("adam:steps=0", "`steps` must be an integer of 1 or more"),
    ("adam:epochs=0", "`epochs` must be an integer of 1 or more"),
    ("adam:steps=5:epochs=5", "`steps` or `epochs` must be given, not both"),
    ("adam:schedule=linear", "`schedule` must be one of constant, step, cosine"),
    ("adam:augment=shear", "`augment` must be some of shift, flip, rotation, cutout"),
    ("adam:augment=flip+flip", "`augment` must be some of .*each once"),
    ("adam:augment=shift:shift=.6", "`shift` must be above 0 and at most 0.5. Received: 0.6"),
    ("adam:label_weight=2", r"`label_weight` must be in \[0, 1\]. Received: 2.0"),
    ("adam:temperature=0", "`temperature` must be a number above 0. Received: 0.0"),
])
def test_impossible_recipes_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_recipe(text, BASE)


def test_all_spellings_of_a_recipe_have_one():
    one = spell_recipe("sgd:epochs=20:augment=flip+shift:learning_rate=1e-2")
    assert one == spell_recipe("sgd:augment=shift+flip:momentum=.9:epochs=20")
    assert one == spell_recipe(one) and parse_recipe(one, BASE) == parse_recipe(
        "sgd:epochs=20:augment=shift+flip", BASE)


def test_only_what_differs_from_the_flags_is_described():
    assert Recipe().describe() == Recipe(changes=ImageChanges("", 0.3)).describe()
    assert list(Recipe().describe()) == [
        "architecture", "optimizer", "batch_size", "steps", "held_out", "patience", "precision",
        "jit"
    ]
    described = parse_recipe("adam:epochs=3:augment=shift+flip:temperature=2", BASE).describe()
    assert "steps" not in described and described["epochs"] == 3 and described["shift"] == 0.1
    assert described["temperature"] == 2.0 and "rotation" not in described


def test_epochs_scale_with_the_rows_that_are_trained_on():
    recipe = Recipe("mlp", batch_size=10, epochs=6, held_out=0.5)
    assert [recipe.steps_on(rows) for rows in (10, 100, 1000)] == [6, 30, 300]
    assert recipe.count_steps(2, 100) == 10 and recipe.count_steps(9, 100) == 30
    assert Recipe("mlp", steps=7).steps_on(1000) == 7


def test_only_images_are_changed():
    with pytest.raises(ValueError, match="`augment=flip` changes images.*shape \\(4,\\)"):
        ImageChanges("flip").check((4,))
    changes = ImageChanges("shift+cutout", shift=0.25, cutout=0.5)
    assert changes.max_shift((8, 6, 1)) == 2 and changes.augmentation((8, 6, 1)).cutout == 3
    assert ImageChanges("flip").max_shift((8, 6, 1)) == 0
