/* SPDX-License-Identifier: MIT */
#include "sysroot.h"

#include "kernel.h"

#include "g2s/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	DIRECTORY_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	FILE_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
	LIST_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	/* As the kernel does. */
	MAX_LINKS = 40,
	/* Names in one directory; those of a configuration are few. */
	MAX_NAMES = 4096,
};

/* A path while it is followed. */
struct following {
	int root;
	/* The directory that has been come to: root, or to be closed. */
	int at;
	/* Its path from the root on, without links. */
	char done[PATH_MAX];
	/* What is still to be followed. */
	char rest[PATH_MAX];
	unsigned links;
};

static void go_to(struct following *following, int at)
{
	int why = errno;
	if (following->at != following->root) {
		close(following->at);
	}
	following->at = at;
	errno = why;
}

/* Takes the next component of what is to be followed; an empty one at its end. */
static bool next_name(struct following *following, char name[NAME_MAX + 1])
{
	char *rest = following->rest;
	size_t start = strspn(rest, "/");
	size_t length = strcspn(rest + start, "/");
	if (length > NAME_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(name, rest + start, length);
	name[length] = '\0';
	memmove(rest, rest + start + length, strlen(rest + start + length) + 1);
	return true;
}

/* Goes into a directory of the one that has been come to, which is no link. */
static bool enter(struct following *following, const char *name)
{
	size_t used = strlen(following->done);
	size_t length = strlen(name);
	if (used + 1 + length >= sizeof(following->done)) {
		errno = ENAMETOOLONG;
		return false;
	}
	int next = openat(following->at, name, DIRECTORY_FLAGS);
	if (next < 0) {
		return false;
	}
	go_to(following, next);
	following->done[used] = '/';
	memcpy(following->done + used + 1, name, length + 1);
	return true;
}

/* Goes to the directory above, which is that of the path: from the root on once more. */
static bool leave(struct following *following)
{
	char path[PATH_MAX];
	char *slash = strrchr(following->done, '/');
	if (slash != NULL) {
		*slash = '\0';
	}
	memcpy(path, following->done, strlen(following->done) + 1);
	following->done[0] = '\0';
	go_to(following, following->root);
	char *rest = NULL;
	for (char *name = strtok_r(path, "/", &rest); name != NULL;
	     name = strtok_r(NULL, "/", &rest)) {
		if (!enter(following, name)) {
			return false;
		}
	}
	return true;
}

/* Puts what a link says before what is to be followed; false with errno when it is no link. */
static bool follow_link(struct following *following, const char *name)
{
	char target[PATH_MAX];
	int why = errno;
	ssize_t size = readlinkat(following->at, name, target, sizeof(target));
	size_t rest = strlen(following->rest);
	if (size < 0 || ++following->links > MAX_LINKS ||
	    (size_t)size + rest >= sizeof(following->rest)) {
		/* What is no link is not what it was opened as. */
		errno = size < 0 && errno == EINVAL ? why
		        : size < 0                  ? errno
		        : following->links > MAX_LINKS ? ELOOP
		                                       : ENAMETOOLONG;
		return false;
	}
	memmove(following->rest + size, following->rest, rest + 1);
	memcpy(following->rest, target, (size_t)size);
	if (target[0] == '/') {
		following->done[0] = '\0';
		go_to(following, following->root);
	}
	return true;
}

/* One component; *fd is set to a descriptor once that was the last one. */
static bool step(struct following *following, int flags, int *fd)
{
	char name[NAME_MAX + 1];
	if (!next_name(following, name)) {
		return false;
	}
	bool last = following->rest[strspn(following->rest, "/")] == '\0';
	if (name[0] == '\0') {
		*fd = openat(following->at, ".", flags);
		return *fd >= 0;
	}
	if (strcmp(name, ".") == 0) {
		return true;
	}
	if (strcmp(name, "..") == 0) {
		return leave(following);
	}
	if (last) {
		*fd = openat(following->at, name, flags);
	}
	if (last ? *fd >= 0 : enter(following, name)) {
		return true;
	}
	/* O_NOFOLLOW's answer to a link, and O_DIRECTORY's. */
	return (errno == ELOOP || errno == ENOTDIR) && follow_link(following, name);
}

/* Opens what lies at path, counted from the root; -1 with errno. */
static int open_path(int root, const char *path, int flags)
{
	struct following following = {.root = root, .at = root};
	int fd = -1;
	size_t length = strlen(path);
	if (length >= sizeof(following.rest)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(following.rest, path, length + 1);
	while (fd < 0 && step(&following, flags, &fd)) {
	}
	go_to(&following, root);
	return fd;
}

static enum g2s_code open_file(void *user, const char *path, struct g2s_file *file,
                               uint64_t *device, uint64_t *inode, struct g2s_error *err)
{
	const struct sysroot *sysroot = user;
	struct stat st;
	enum g2s_code code = G2S_OK;
	*file = (struct g2s_file){0};
	int fd = open_path(sysroot->root, path, FILE_FLAGS);
	if (fd < 0) {
		bool nothing = errno == ENOENT || errno == ENOTDIR;
		return g2s_fail(err, G2S_ERR_READ, 0, "%s%s", nothing ? "" : "cannot open: ",
		                nothing ? "" : strerror(errno));
	}
	if (fstat(fd, &st) != 0) {
		code = g2s_fail(err, G2S_ERR_READ, 0, "cannot read: %s", strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		code = g2s_fail(err, G2S_ERR_READ, 0, "is not a regular file");
	} else if (st.st_size != 0) {
		void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data == MAP_FAILED) {
			code = g2s_fail(err, G2S_ERR_READ, 0, "cannot map: %s", strerror(errno));
		} else {
			file->bytes = (struct g2s_bytes){data, (size_t)st.st_size};
		}
	}
	close(fd);
	*device = st.st_dev;
	*inode = st.st_ino;
	return code;
}

/*
 * --- lists
 */

struct names {
	char **items;
	size_t count;
	size_t capacity;
};

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes the names of the kernel's entries: struct linux_dirent64 of getdents64(2). */
static bool take_names(struct names *names, struct g2s_bytes entries)
{
	enum { LENGTH = 16, NAME = 19 };
	uint64_t length;
	struct g2s_bytes name;
	for (uint64_t at = 0; g2s_bytes_uint(entries, at + LENGTH, 2, &length) && length > NAME &&
	                      g2s_bytes_string(entries, at + NAME, length - NAME, &name);
	     at += length) {
		if (names->count == MAX_NAMES ||
		    !g2s_grow(&names->items, &names->capacity, names->count + 1,
		              sizeof(names->items[0]))) {
			return false;
		}
		names->items[names->count] = strndup((const char *)name.data, name.size);
		if (names->items[names->count] == NULL) {
			return false;
		}
		names->count++;
	}
	return true;
}

static bool list_directory(void *user, const char *path, bool (*visit)(void *to, const char *name),
                           void *to)
{
	const struct sysroot *sysroot = user;
	struct names names = {0};
	/* Set, because what watches memory does not see the kernel fill it. */
	uint8_t entries[4096] = {0};
	long size = -1;
	int fd = open_path(sysroot->root, path, LIST_FLAGS);
	if (fd < 0) {
		return false;
	}
	/* Not by readdir, which asks and tells the kernel more than that. */
	while ((size = kernel_call(SYS_getdents64, (uintptr_t)fd, (uintptr_t)entries,
	                           sizeof(entries), 0)) > 0 &&
	       take_names(&names, (struct g2s_bytes){entries, (size_t)size})) {
	}
	close(fd);
	if (names.count != 0) {
		qsort(names.items, names.count, sizeof(names.items[0]), by_bytes);
	}
	bool more = size == 0;
	for (size_t i = 0; i < names.count; i++) {
		more = more && visit(to, names.items[i]);
		free(names.items[i]);
	}
	free(names.items);
	return size == 0;
}

/*
 * --- roots
 */

void sysroot_init(struct sysroot *sysroot, int root)
{
	*sysroot = (struct sysroot){
		.root = root,
		.files = {.open = open_file, .list = list_directory, .user = sysroot},
	};
}

int sysroot_open(const char *directory)
{
	return open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

char *sysroot_place(const char *directory, const char *path)
{
	char *root = realpath(directory, NULL);
	char *real = realpath(path, NULL);
	char *place = NULL;
	if (root != NULL && real != NULL) {
		size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
		if (strncmp(root, real, length) == 0 && real[length] == '/') {
			place = strdup(real + length);
		}
	}
	free(root);
	free(real);
	return place;
}
