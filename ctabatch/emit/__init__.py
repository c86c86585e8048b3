"""Ready files for batch systems and workflow engines: they run the tasks of a plan, then finalise.

Every module has ``files(job, ...)``, which gives names and texts of the files and touches nothing.
What a task leaves behind is in the dataset alone, so any task may be run again, anywhere.
"""
