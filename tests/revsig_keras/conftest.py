"""The SavedModels of the zoo and their defended copies, each made once."""
import pytest


@pytest.fixture(scope="session")
def source_folder(tmp_path_factory):
    """Of the model of a name."""
    from tests.serving.saved_models import built_once  # Needs TensorFlow.
    return built_once(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def exported(source_folder, tmp_path_factory):
    """The result of the export of the model of a name."""
    from revsig_keras.export import export  # Both need TensorFlow.
    from tests.serving import exports
    parent, made = tmp_path_factory.mktemp("exports"), {}

    def exported_model(name):
        if name not in made:
            made[name] = export(exports.config(name, source_folder(name), parent / name))
        return made[name]

    return exported_model
