"""Seeing diversity: a page in a browser (extra ``studio``), and tools for agents (extra ``mcp``).

``vs studio`` shows direct and verbalized answers side by side while one turns the knobs; ``vs mcp``
gives an agent the same.
"""
