"""Clones a repository with dulwich, a Git of its own in Python, reads main and pushes a run that says done.

Takes the URL, a folder for the clone, the branch of the run, the path of a document and its text. Prints JSON.
"""

import json
import sys

from dulwich import porcelain
from dulwich.object_store import commit_tree_changes, iter_tree_contents
from dulwich.objects import Blob, Commit
from dulwich.repo import Repo

url, folder, branch, path, text = sys.argv[1:]
errors = open(folder + ".said", "wb")
porcelain.clone(url, folder, bare=True, errstream=errors)
repo = Repo(folder)
main = repo.refs[b"refs/remotes/origin/main"]
tree = repo[repo[main].tree]
files = {entry.path.decode(): repo[entry.sha].data.decode() for entry in iter_tree_contents(repo.object_store, tree.id)}


def blob(content):
    made = Blob.from_string(content.encode())
    repo.object_store.add_object(made)
    return made.id


changes = [
    (path.encode(), 0o100644, blob(text)),
    (b"run.json", 0o100644, blob('{"job": "custom", "done": true}\n')),
]
commit = Commit()
commit.tree = commit_tree_changes(repo.object_store, tree, changes)
commit.parents = [main]
commit.author = commit.committer = b"Py Thon <py@example.org>"
commit.author_time = commit.commit_time = 1780000000
commit.author_timezone = commit.commit_timezone = 0
commit.encoding = b"UTF-8"
commit.message = b"Push from Python\n"
repo.object_store.add_object(commit)
repo.refs[b"refs/heads/" + branch.encode()] = commit.id
porcelain.push(repo, url, "refs/heads/" + branch, errstream=errors, outstream=errors)
after = porcelain.ls_remote(url)
after = getattr(after, "refs", after)
errors.close()
print(
    json.dumps(
        {
            "files": files,
            "tip": commit.id.decode(),
            "refs": {name.decode(): oid.decode() for name, oid in after.items()},
            "said": open(folder + ".said", "rb").read().decode(),
        }
    )
)
