"""Figures, as figure.c prints those of the programs in C."""


def say(name, value, unit, goal=None):
    """Print a figure, and whether it reaches its goal: (operator, number)."""
    line = f"bench {name} {value:.3f} {unit}"
    if goal:
        operator, number = goal
        reached = value <= number if operator == "<=" else value >= number
        line += f" goal {operator} {number:g} {'ok' if reached else 'short'}"
    print(line, flush=True)
