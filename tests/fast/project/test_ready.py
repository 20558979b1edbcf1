"""What a project is refused for before it is started."""

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.project import ready


@pytest.mark.parametrize("own", ["shop.py", "shop/__init__.py"])
def test_an_overlay_that_is_called_as_a_module_of_the_project_is_refused(tmp_path: Path, own: str) -> None:
    project, overlay = tmp_path / "project", tmp_path / "shop.py"
    (project / own).parent.mkdir(parents=True)
    (project / own).write_text("")
    overlay.write_text("")
    with pytest.raises(UserError, match=r"shop\.py is called as .* is: give it another name"):
        ready.refuse_namesake(overlay, project)


def test_an_overlay_within_the_project_is_no_namesake_of_itself(tmp_path: Path) -> None:
    overlay = tmp_path / "over.py"
    overlay.write_text("")
    ready.refuse_namesake(overlay, tmp_path)
