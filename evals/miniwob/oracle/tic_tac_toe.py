"""The best move against a player who moves at random as often as not."""

from functools import cache

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
Board = tuple[int, ...]


def best_move(board: Board) -> int:
    """Where to put a mark on a board of 1 (ours), -1 (theirs) and 0 (free)."""
    free = [i for i, value in enumerate(board) if not value]
    return max(free, key=lambda i: _after_ours(_put(board, i, 1)))


@cache
def _after_ours(board: Board) -> float:
    """Chance to win once it is the other's turn, who moves at random half of the time."""
    if _won(board, 1):
        return 1.0
    free = [i for i, value in enumerate(board) if not value]
    if not free:
        return 0.0
    chances = [_after_theirs(_put(board, i, -1)) for i in free]
    return 0.55 * sum(chances) / len(chances) + 0.45 * min(chances)


@cache
def _after_theirs(board: Board) -> float:
    free = [i for i, value in enumerate(board) if not value]
    if not free or _won(board, -1):
        return 0.0
    return max(_after_ours(_put(board, i, 1)) for i in free)


def _put(board: Board, at: int, value: int) -> Board:
    return (*board[:at], value, *board[at + 1 :])


def _won(board: Board, value: int) -> bool:
    return any(all(board[i] == value for i in line) for line in LINES)
