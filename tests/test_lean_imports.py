"""The quick start of programs: what is left out can be imported later, kernels work without it."""

import subprocess
import sys

START = """
import sys
from ctabatch.cli.lean_imports import collect_seldom, import_lightgbm_alone, import_numba_alone
collect_seldom()
"""


def said(code):
    run = subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, check=True
    )
    return run.stdout.split()


def test_kernels_run_without_scipy_which_can_be_imported_later():
    assert said(
        "import_numba_alone()\n"
        "import numpy as np\n"
        "from ctabatch.kernels.disp import true_disp\n"
        "out = np.empty(1)\n"
        "true_disp(*(np.zeros(1) for _ in range(7)), False, out)\n"
        "print('scipy' in sys.modules, out[0])\n"
        "import scipy.linalg\n"
        "print(scipy.linalg.det(np.eye(2)))"
    ) == ["False", "0.0", "1.0"]


def test_lightgbm_comes_without_scikit_learn_which_can_be_imported_later():
    assert said(
        "import_lightgbm_alone()\n"
        "import lightgbm\n"
        "print('sklearn' in sys.modules, hasattr(lightgbm, 'train'))\n"
        "import sklearn.tree\n"
        "print(sklearn.tree.DecisionTreeRegressor().fit([[0], [1]], [0, 1]).predict([[1]])[0])"
    ) == ["False", "True", "1.0"]


def test_what_is_imported_already_is_left_alone():
    assert said(
        "import scipy\n"
        "import_numba_alone()\n"
        "import_numba_alone()\n"
        "print(sys.modules['scipy'] is scipy, 'numba.np.arraymath' in sys.modules)"
    ) == ["True", "True"]
