"""`torchferry predict`: samples to a server, or to a bundle without one, and a record of each answer.

The inputs become samples (`inputs`, `pictures`, `rows`, `json_lines`, `arrays`), samples are put together to questions
(`sample`), an asker answers these (`server`, `local`), and the answers become records (`records`) in the order of the
inputs, in lines for people, or in a file that goes on where it was interrupted (`output_file`). Answers that are files,
such as masks, go into a folder with records beside them (`output_folder`, `file_names`, `files`).
"""
