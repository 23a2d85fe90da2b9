"""How small a pack may be, and what that costs."""
