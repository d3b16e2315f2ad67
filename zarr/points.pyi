from typing import Any

import numpy as np

class SortedPoints: ...

def true_positions(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]: ...
