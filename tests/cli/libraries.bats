#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# g2s-scan of programs with their libraries: what of a library counts, and where it is found.  All are made here without
# a C library; what is found in real ones is tried in tests/e2e.

load helper

setup() {
	cli_setup
	mkdir -p r/lib r/bin
	cat >call.h <<-'END'
		#define CALL(n) __asm__ volatile("syscall" : : "a"(n) : "rcx", "r11", "memory")
		/* A function that makes the one system call. */
		#define DOES(name, n) void name(void) { CALL(n); }
		/* A function whose parameter is the number of one. */
		#define ASKS(name) long name(long n) { \
			long r; __asm__ volatile("syscall" : "=a"(r) : "a"(n) : "rcx", "r11", "memory"); return r; }
		#define HIDDEN __attribute__((visibility("hidden")))
	END
	build r/lib/ld.so -shared -Wl,-e,start <<<'DOES(start, 231)'
}

teardown() {
	cli_teardown
}

# build FILE FLAG...: compiles what is on stdin, with call.h before it.
build() {
	local file=$1
	shift
	gcc -nostdlib -fPIC -O2 -fno-stack-protector -include call.h -o "$file" -x c - -x none "$@"
}

# lib NAME FLAG...: r/lib/NAME, a shared object.
lib() {
	local name=$1
	shift
	build "r/lib/$name" -shared -Wl,--no-as-needed -Wl,-soname,"$name" "$@"
}

# program FLAG...: r/bin/app, which begins in _start and loads r/lib/ld.so.
program() {
	build r/bin/app -pie -Wl,--dynamic-linker=/lib/ld.so -Wl,--no-as-needed -Wl,--allow-shlib-undefined \
		-Wl,-rpath-link=r/lib -Lr/lib "$@"
}

# rows ROW...: these, "file number how", are what the last scan found, some of them perhaps more than once; the
# interpreter is left out.
rows() {
	printf '%s\n' "$@" | sed '/^$/d' | sort >try/wanted
	grep -v '^#' try/out | cut -f 1,5,6 | tr '\t' ' ' | sed 's:^[^ ]*/::' | grep -v '^ld\.so ' | sort -u |
		diff try/wanted -
}

# finds ROW...: so does a scan of r/bin/app, without a complaint.
finds() {
	try g2s-scan --strict --sysroot=r r/bin/app
	ended 0
	grep -q $'^r/lib/ld.so\tx86_64\t.*\tsyscall\t231\timm' try/out
	rows "$@"
}

# lacks LINE...: these "#needs" lines are in the stream, in this order, and no others.
lacks() {
	printf '%s\n' "$@" >try/wanted
	sed -n 's/^#needs\t\([^\t]*\)\t/\1 /p' try/out | diff try/wanted -
}

@test "a function that is imported counts, one that is not does not" {
	lib libone.so <<<'DOES(used, 101) DOES(unused, 102)'
	program -lone <<<'void used(void); void _start(void) { used(); }'
	finds 'libone.so 101 imm'
	[ "$(grep '^#binary' try/out | cut -f 2 | tr '\n' ' ')" = 'r/bin/app r/lib/libone.so r/lib/ld.so ' ]
	# Nothing that is not called, though the library is loaded.
	program -lone <<<'void _start(void) { CALL(60); }'
	finds 'app 60 imm'
}

@test "through a PLT, lazy or not, and through the GOT" {
	lib libone.so <<<'DOES(used, 101) DOES(unused, 102)'
	for flags in '-Wl,-z,lazy' '-Wl,-z,now' '-fno-plt' '-fcf-protection -Wl,-z,ibtplt' '-no-pie -fno-pic' \
		'-no-pie -fno-pic -fno-plt' '-fno-plt -Wl,-z,pack-relative-relocs' '-Wl,--hash-style=sysv' '-s'; do
		# shellcheck disable=SC2086 # several flags
		program $flags -lone <<<'void used(void); void _start(void) { used(); CALL(60); }'
		finds 'app 60 imm' 'libone.so 101 imm'
	done
}

@test "a function as a pointer: from the GOT, and in data" {
	lib libone.so <<<'DOES(used, 101) DOES(unused, 102)'
	program -lone <<-'END'
		void used(void);
		void take(void *p) { __asm__ volatile("" : : "r"(p)); }
		void _start(void) { void (*p)(void) = used; __asm__ volatile("" : "+r"(p)); p(); }
	END
	finds 'libone.so 101 imm'
	program -lone <<-'END'
		void used(void);
		void (*const pointer)(void) = used;
		void _start(void) { (*(void (*const volatile *)(void))&pointer)(); }
	END
	finds 'libone.so 101 imm'
	# The program's own data counts, whether its code refers to it or not.
	program -lone <<-'END'
		void used(void);
		void (*pointer)(void) = used;
		void _start(void) { }
	END
	finds 'libone.so 101 imm'
}

@test "numbers that the program hands to a library" {
	lib libone.so <<<'ASKS(ask) ASKS(other)'
	program -lone <<<'long ask(long); void _start(void) { ask(39); ask(102); }'
	finds 'app 102 arg' 'app 39 arg'
	program -lone -fno-plt <<<'long ask(long); void _start(void) { ask(39); }'
	finds 'app 39 arg'
	# A library can be the one that asks, and a wrapper in one library that of another.
	lib libtwo.so -Lr/lib -lone <<<'long ask(long); long pass(long n) { return ask(n) + 1; } void own(void) { ask(57); }'
	program -ltwo <<<'long pass(long); void own(void); void _start(void) { pass(41); own(); }'
	finds 'app 41 arg' 'libtwo.so 57 arg'
	# What the code does not show is said.
	program -lone <<<'long ask(long); void _start(void) { long n; __asm__ volatile("rdtsc" : "=a"(n)); ask(n); }'
	try g2s-scan --strict --sysroot=r r/bin/app
	[ "$status" -eq 3 ]
	[ "$(grep -c $'\t?\t' try/out)" -eq 1 ]
}

@test "two levels, and a cycle" {
	lib libtwo.so <<<'void one(void); DOES(two, 102) DOES(unused, 103) void back(void) { one(); }'
	lib libone.so -Lr/lib -ltwo <<<'void two(void); void one(void) { CALL(101); two(); }'
	program -lone <<<'void one(void); void _start(void) { one(); }'
	finds 'libone.so 101 imm' 'libtwo.so 102 imm'
	lib libtwo.so -Lr/lib -lone <<<'void one(void); DOES(two, 102) DOES(unused, 103) void back(void) { one(); }'
	lib libone.so -Lr/lib -ltwo <<<'void two(void); void back(void); void one(void) { CALL(101); two(); back(); }'
	program -lone <<<'void one(void); void _start(void) { one(); }'
	finds 'libone.so 101 imm' 'libtwo.so 102 imm'
	[ "$(grep -c '^#binary' try/out)" -eq 4 ]
}

@test "a table of functions counts from the moment that it is referred to" {
	lib libone.so <<-'END'
		static DOES(in_table, 101) static DOES(in_other, 102) static DOES(in_data, 103)
		void (*const table[])(void) = {in_table};
		void (*const other[])(void) = {in_other};
		void (*data[])(void) = {in_data};
		DOES(plain, 104)
		void by_table(int i) { table[i](); }
		void by_other(int i) { other[i](); }
		void by_data(int i) { data[i](); }
	END
	program -lone <<<'void plain(void); void _start(void) { plain(); }'
	finds 'libone.so 104 imm'
	program -lone <<<'extern void (*const table[1])(void); void _start(void) { table[0](); }'
	finds 'libone.so 101 imm'
	program -lone <<<'extern void (*data[1])(void); void _start(void) { data[0](); }'
	finds 'libone.so 103 imm'
	program -lone <<<'void by_other(int); void _start(void) { by_other(0); }'
	finds 'libone.so 102 imm'
}

@test "a copy of a library's data has its pointers" {
	lib libone.so <<-'END'
		static DOES(in_table, 101) static DOES(in_other, 102)
		void (*table[])(void) = {in_table};
		void (*other[])(void) = {in_other};
	END
	program -no-pie -fno-pic -lone <<<'extern void (*table[1])(void); void _start(void) { table[0](); }'
	readelf -rW r/bin/app | grep -q R_X86_64_COPY
	finds 'libone.so 101 imm'
}

@test "what the dynamic linker calls" {
	lib libone.so -Wl,-init,first -Wl,-fini,last <<-'END'
		DOES(unused, 100)
		DOES(first, 101) DOES(last, 102)
		static __attribute__((constructor)) DOES(begins, 103)
		static __attribute__((destructor)) DOES(ends, 104)
	END
	program -lone <<<'void _start(void) { }'
	finds 'libone.so 101 imm' 'libone.so 102 imm' 'libone.so 103 imm' 'libone.so 104 imm'
}

@test "interposition: a program's own function serves the library, too" {
	lib libone.so <<<'DOES(mine, 101) void one(void) { mine(); }'
	program -lone -rdynamic <<<'void one(void); DOES(mine, 60) void _start(void) { one(); }'
	finds 'app 60 imm'
	# Not when the library keeps to its own, and not when nobody can see the program's.
	lib libone.so -Wl,-Bsymbolic <<<'DOES(mine, 101) void one(void) { mine(); }'
	finds 'app 60 imm' 'libone.so 101 imm'
	lib libone.so <<<'DOES(mine, 101) void one(void) { mine(); }'
	program -lone <<<'void one(void); HIDDEN DOES(mine, 60) void _start(void) { one(); mine(); }'
	finds 'app 60 imm' 'libone.so 101 imm'
}

@test "the first library that defines a symbol has it" {
	lib libone.so <<<'DOES(both, 101)'
	lib libtwo.so <<<'DOES(both, 102)'
	program -lone -ltwo <<<'void both(void); void _start(void) { both(); }'
	finds 'libone.so 101 imm'
	program -ltwo -lone <<<'void both(void); void _start(void) { both(); }'
	finds 'libtwo.so 102 imm'
	# A weak definition is one, too, as ld.so has it.
	lib libtwo.so <<<'__attribute__((weak)) DOES(both, 102)'
	finds 'libtwo.so 102 imm'
}

@test "weak symbols that nobody defines" {
	lib libone.so <<<'DOES(there, 101)'
	program -lone <<-'END'
		__attribute__((weak)) void there(void);
		__attribute__((weak)) void nowhere(void);
		void _start(void) { if (nowhere) { nowhere(); } if (there) { there(); } }
	END
	finds 'libone.so 101 imm'
}

@test "versions of a symbol: the one that is asked for" {
	printf 'V1 { global: f; local: *; }; V2 { global: f; } V1;\n' >versions
	lib libone.so -Wl,--version-script=versions <<-'END'
		__attribute__((symver("f@V1"))) DOES(f_old, 101)
		__attribute__((symver("f@@V2"))) DOES(f_new, 102)
	END
	readelf -W --dyn-syms r/lib/libone.so | grep -q 'f@V1'
	program -lone <<<'void f(void); void _start(void) { f(); }'
	finds 'libone.so 102 imm'
	program -lone <<<'__asm__(".symver f, f@V1"); void f(void); void _start(void) { f(); }'
	readelf -W --dyn-syms r/bin/app | grep -q 'f@V1'
	finds 'libone.so 101 imm'
}

@test "versions, and a program that was linked when there were none" {
	lib libone.so <<<'void f(void) { }'
	program -lone <<<'void f(void); void _start(void) { f(); }'
	printf 'V1 { global: f; local: *; }; V2 { global: f; } V1;\n' >versions
	lib libone.so -Wl,--version-script=versions <<-'END'
		__attribute__((symver("f@V1"))) DOES(f_old, 101)
		__attribute__((symver("f@@V2"))) DOES(f_new, 102)
	END
	# glibc takes the oldest, musl the default.
	finds 'libone.so 101 imm' 'libone.so 102 imm'
}

@test "a protected symbol: glibc keeps to it, musl does not" {
	lib libone.so <<-'END'
		__attribute__((visibility("protected"))) DOES(mine, 101)
		void (*table[])(void) = {mine};
		void one(void) { table[0](); }
	END
	readelf -rW r/lib/libone.so | grep -q 'R_X86_64_64.*mine'
	program -lone -rdynamic <<<'void one(void); DOES(mine, 60) void _start(void) { one(); }'
	finds 'app 60 imm' 'libone.so 101 imm'
}

@test "an address that the dynamic linker writes into code" {
	lib libtwo.so <<<'DOES(two, 102) DOES(unused, 103)'
	printf '.globl %s\n.type %s,@function\n' one one quiet quiet >one.s
	cat >>one.s <<-'END'
		one:	movabs $two, %rax
			call *%rax
			ret
		.size one, .-one
		quiet:	ret
		.size quiet, .-quiet
		.section .note.GNU-stack,"",@progbits
	END
	gcc -nostdlib -shared -Wl,-z,notext,-soname,libone.so -o r/lib/libone.so one.s -Lr/lib -ltwo 2>complaints
	program -lone <<<'void one(void); void _start(void) { one(); }'
	finds 'libtwo.so 102 imm'
	program -lone <<<'void quiet(void); void _start(void) { quiet(); }'
	finds ''
}

@test "IFUNC: the resolver, and each function that it can return" {
	lib libone.so <<-'END'
		static DOES(fast, 101) static DOES(slow, 102) DOES(unused, 103)
		static void *choose(void) {
			int a = 7;
			CALL(104);
			__asm__ volatile("cpuid" : "+a"(a) : : "rbx", "rcx", "rdx");
			return a & 1 ? (void *)fast : (void *)slow;
		}
		void f(void) __attribute__((ifunc("choose")));
		DOES(plain, 105)
	END
	program -lone <<<'void f(void); void _start(void) { f(); }'
	finds 'libone.so 101 imm' 'libone.so 102 imm' 'libone.so 104 imm'
}

@test "IFUNC without a symbol: a library's own" {
	lib libone.so <<-'END'
		static DOES(fast, 101) static DOES(slow, 102)
		static void *choose(void) {
			int a = 7;
			__asm__ volatile("cpuid" : "+a"(a) : : "rbx", "rcx", "rdx");
			return a & 1 ? (void *)fast : (void *)slow;
		}
		static void f(void) __attribute__((ifunc("choose")));
		void one(void) { f(); }
		DOES(plain, 105)
	END
	readelf -rW r/lib/libone.so | grep -q IRELATIV
	program -lone <<<'void one(void); void _start(void) { one(); }'
	finds 'libone.so 101 imm' 'libone.so 102 imm'
	program -lone <<<'void plain(void); void _start(void) { plain(); }'
	finds 'libone.so 105 imm'
}

@test "RUNPATH and RPATH with \$ORIGIN, and --sysroot" {
	mkdir -p r/opt/app/lib
	lib libone.so <<<'DOES(used, 101)'
	program -lone "-Wl,--enable-new-dtags,-rpath,\$ORIGIN/../opt/app/lib" \
		<<<'void used(void); void _start(void) { used(); }'
	mv r/lib/libone.so r/opt/app/lib/libone.so
	finds 'libone.so 101 imm'
	grep -q $'^#binary\tr/bin/../opt/app/lib/libone.so\t' try/out
	# The place of the program counts, not that of a link to it, and not where the scan is started.
	ln -s r/bin/app app
	(cd r/lib && g2s-scan --strict --sysroot=.. ../bin/app) >try/out
	rows 'libone.so 101 imm'
	try g2s-scan --strict --sysroot=r app
	ended 0
	rows 'libone.so 101 imm'
	# RPATH comes before what the system says, and goes on to what the libraries need.
	lib libtwo.so <<<'DOES(two, 102)'
	lib libmid.so -Lr/lib -ltwo <<<'void two(void); void mid(void) { two(); }'
	program -lmid -Wl,--disable-new-dtags,-rpath,/opt/app <<<'void mid(void); void _start(void) { mid(); }'
	finds 'libtwo.so 102 imm'
	mv r/lib/libtwo.so r/lib/libmid.so r/opt/app
	finds 'libtwo.so 102 imm'
	# RUNPATH does not.
	program -lmid -Wl,-rpath-link=r/opt/app -Lr/opt/app -Wl,--enable-new-dtags,-rpath,/opt/app \
		<<<'void mid(void); void _start(void) { mid(); }'
	try g2s-scan --sysroot=r r/bin/app
	[ "$status" -eq 0 ]
	lacks 'r/bin/app libtwo.so'
}

@test "nothing is read outside of the root file system" {
	lib libone.so <<<'DOES(used, 101)'
	program -lone <<<'void used(void); void _start(void) { used(); }'
	mkdir outside
	mv r/lib/libone.so outside
	for link in "$PWD/outside/libone.so" ../../outside/libone.so ../../../../../../../../../..$PWD/outside/libone.so; do
		ln -sf "$link" r/lib/libone.so
		try g2s-scan --sysroot=r r/bin/app
		[ "$status" -eq 0 ]
		lacks 'r/bin/app libone.so'
		rows
		! grep -q '^#binary.*libone' try/out
	done
	# A link that is absolute, or leads above the root, begins at the root, as in a container.
	mkdir r/opt
	mv outside/libone.so r/opt
	for link in /opt/libone.so ../../../opt/libone.so /lib/../../opt/./libone.so; do
		ln -sf "$link" r/lib/libone.so
		finds 'libone.so 101 imm'
	done
	# A directory is no way out, either.
	mv r/opt/libone.so outside
	rm r/lib/libone.so
	program -lone -Lr/../outside -Wl,-rpath,/far <<<'void used(void); void _start(void) { used(); }'
	ln -s ../outside r/far
	try g2s-scan --sysroot=r r/bin/app
	[ "$status" -eq 0 ]
	lacks 'r/bin/app libone.so'
	# A loop of links ends.
	ln -s libone.so r/lib/libone.so
	try g2s-scan --sysroot=r r/bin/app
	[ "$status" -eq 0 ]
	lacks 'r/bin/app libone.so'
}

@test "a library that is not found" {
	lib libone.so <<<'DOES(used, 101)'
	program -lone -Wl,-rpath,/opt/lib <<<'void used(void); void _start(void) { used(); CALL(60); }'
	rm r/lib/libone.so
	try g2s-scan --sysroot=r r/bin/app
	ended 0 'g2s-scan: warning: r/bin/app: what libone.so does is not in the result: not found in '
	said '/opt/lib, '
	said '/usr/lib'
	lacks 'r/bin/app libone.so'
	[ "$(tail -n 1 try/out)" = "$(printf '#end\t2\t1')" ]
	rows 'app 60 imm'
	try g2s-scan --strict --sysroot=r r/bin/app
	[ "$status" -eq 3 ]
	said 'not found in'
	said 'the result is incomplete: 1 unresolved'
	cp try/out sites
	# Once, also when several need it.
	lib libone.so <<<'DOES(used, 101)'
	lib libtwo.so -Lr/lib -lone <<<'void used(void); void two(void) { used(); }'
	program -lone -ltwo <<<'void used(void); void two(void); void _start(void) { used(); two(); }'
	rm r/lib/libone.so
	try g2s-scan --sysroot=r r/bin/app
	ended 0 'what libone.so does is not in the result'
	lacks 'r/bin/app libone.so'
	# The last stage says so as well.
	g2s-resolve sites >resolved
	try g2s-profile --strict resolved
	[ "$status" -eq 3 ]
}

@test "a program whose interpreter is missing" {
	lib libone.so <<<'DOES(used, 101)'
	program -lone <<<'void used(void); void _start(void) { used(); }'
	rm r/lib/ld.so
	try g2s-scan --sysroot=r r/bin/app
	ended 0 'what /lib/ld.so does is not in the result: the ELF interpreter is not found'
	lacks 'r/bin/app /lib/ld.so'
	rows 'libone.so 101 imm'
	try g2s-scan --strict --sysroot=r r/bin/app
	[ "$status" -eq 3 ]
}

# A C library, as far as it loads others.
fake_libdl() {
	lib libdl.so <<-'END'
		void *dlopen(const char *name, int flags) { (void)name; (void)flags; CALL(9); return 0; }
		void *dlsym(void *from, const char *name) { (void)from; (void)name; CALL(10); return 0; }
	END
	prototypes='void *dlopen(const char *, int); void *dlsym(void *, const char *);'
}

@test "dlopen of names that the code shows" {
	fake_libdl
	lib libplug.so <<<'DOES(plugged, 101) static DOES(unused, 102) __attribute__((used)) static void (*p)(void) = unused;'
	program -ldl <<-END
		$prototypes
		void _start(void) { dlopen("libplug.so", 1); }
	END
	finds 'libdl.so 9 imm' 'libplug.so 101 imm'
	# Through a function of the program.
	program -ldl <<-END
		$prototypes
		__attribute__((noipa)) void *load(int flags, const char *name) { return dlopen(name, flags | 2); }
		void _start(void) { load(1, "/lib/libplug.so"); load(2, 0); }
	END
	finds 'libdl.so 9 imm' 'libplug.so 101 imm'
	# Through one of a library, and what a library loads by itself loads.
	lib liball.so -Lr/lib -ldl <<-END
		$prototypes
		DOES(all, 103)
		void load_all(void) { dlopen("libplug.so", 1); }
	END
	program -ldl <<-END
		$prototypes
		void _start(void) { dlopen("liball.so", 1); }
	END
	finds 'libdl.so 9 imm' 'liball.so 103 imm' 'libplug.so 101 imm'
	# One that is not there is tried, and nothing is loaded.
	program -ldl <<-END
		$prototypes
		void _start(void) { dlopen("libnowhere.so", 1); }
	END
	finds 'libdl.so 9 imm'
}

@test "dlopen: whose symbol it is only the run tells" {
	fake_libdl
	program -ldl <<-END
		$prototypes
		void _start(void) { dlopen("libone.so", 1); dlopen("libtwo.so", 1); }
	END
	lib libfirst.so <<<'DOES(helper, 101) void (*t1[])(void) = {helper}; void first(void) { t1[0](); }'
	lib libsecond.so <<<'DOES(helper, 102) void (*t2[])(void) = {helper}; void second(void) { t2[0](); }'
	lib libone.so -Lr/lib -lfirst <<<'void first(void); void one(void) { first(); }'
	lib libtwo.so -Lr/lib -lsecond <<<'void second(void); void two(void) { second(); }'
	finds 'libdl.so 9 imm' 'libfirst.so 101 imm' 'libsecond.so 102 imm'
	# One that does not define it: either of the two.
	lib libtwo.so -Lr/lib -lsecond <<<'void helper(void); void two(void) { helper(); }'
	lib libone.so -Lr/lib -lfirst <<<'void nothing(void) { }'
	finds 'libdl.so 9 imm' 'libfirst.so 101 imm' 'libsecond.so 102 imm'
	# One that is there at the start comes first, for whoever does not define it.
	lib libstart.so <<<'DOES(helper, 103)'
	program -ldl -lstart <<-END
		$prototypes
		void _start(void) { dlopen("libone.so", 1); dlopen("libtwo.so", 1); }
	END
	finds 'libdl.so 9 imm' 'libstart.so 103 imm'
	# A number that is handed to one of several is not lost.
	lib libfirst.so <<<'ASKS(ask)'
	lib libsecond.so <<<'ASKS(ask) long second(void) { return ask(39) + 1; }'
	lib libtwo.so -Lr/lib -lsecond <<<'long second(void); void two(void) { second(); }'
	try g2s-scan --strict --sysroot=r r/bin/app
	[ "$status" -eq 3 ]
	grep -q $'\t?\tindirect\task' try/out
}

@test "dlopen of names that it does not, and --dlopen" {
	fake_libdl
	lib libplug.so <<<'DOES(plugged, 101)'
	program -ldl <<-END
		$prototypes
		void one(char *s) { dlopen(s, 1); } void two(char *s) { dlopen(s, 2); }
		void _start(void) { char s[8]; __asm__ volatile("" : : "r"(s) : "memory"); dlopen(s, 1); one(s); two(s); }
	END
	try g2s-scan --sysroot=r r/bin/app
	ended 0 'g2s-scan: warning: r/bin/app: it loads libraries whose names are not known (dlopen; --dlopen=LIB adds one)'
	lacks 'r/bin/app dlopen(?)'
	rows 'libdl.so 9 imm'
	try g2s-scan --strict --sysroot=r r/bin/app
	[ "$status" -eq 3 ]
	for name in libplug.so /lib/libplug.so; do
		try g2s-scan --strict --sysroot=r --dlopen="$name" r/bin/app
		ended 0
		rows 'libdl.so 9 imm' 'libplug.so 101 imm'
	done
	try g2s-scan --sysroot=r --dlopen=libno.so r/bin/app
	ended 0 'what libno.so does is not in the result: not found in'
	lacks 'r/bin/app libno.so'
}

@test "dlsym" {
	fake_libdl
	lib libone.so <<<'DOES(used, 101) DOES(unused, 102)'
	program -ldl -lone <<-END
		$prototypes
		void _start(void) { ((void (*)(void))dlsym(0, "used"))(); }
	END
	finds 'libdl.so 10 imm' 'libone.so 101 imm'
	program -ldl -lone <<-END
		$prototypes
		void _start(void) { char s[8]; __asm__ volatile("" : : "r"(s) : "memory"); dlsym(0, s); }
	END
	try g2s-scan --sysroot=r r/bin/app
	ended 0 'it looks up symbols whose names are not known (dlsym)'
	lacks 'r/bin/app dlsym(?)'
}

@test "-r: a library counts with the programs that load it, and by itself when none does" {
	lib libone.so <<<'DOES(used, 101) DOES(unused, 102)'
	program -lone <<<'void used(void); void _start(void) { used(); }'
	mv r/bin/app r/bin/two
	program -lone <<<'void unused(void); void _start(void) { unused(); CALL(60); }'
	lib libalone.so <<<'DOES(alone, 103)'
	ln -s libone.so r/lib/liblink.so
	try g2s-scan --strict -r r
	ended 0
	rows 'app 60 imm' 'libone.so 101 imm' 'libone.so 102 imm' 'libalone.so 103 imm'
	[ "$(grep -c $'^#binary\tr/lib/libone.so\t' try/out)" -eq 2 ]
	[ "$(grep -c '^#binary.*libalone' try/out)" -eq 1 ]
	cp try/out serial
	for jobs in 1 3; do
		try g2s-scan --strict -j "$jobs" -r r
		ended 0
		cmp serial try/out
	done
	# Also with one that is missing, and one that is damaged.
	head -c 300 r/lib/libalone.so >r/lib/libshort.so
	rm r/lib/libone.so
	try g2s-scan -r r
	[ "$status" -eq 4 ]
	lacks 'r/bin/app libone.so' 'r/bin/two libone.so'
	cp try/out serial
	cp try/err complaints
	try g2s-scan -j 3 -r r
	[ "$status" -eq 4 ]
	cmp serial try/out
	cmp complaints try/err
}

@test "a shared object that is named counts as a whole" {
	lib libtwo.so <<<'DOES(two, 103) DOES(unused, 104)'
	lib libone.so -Lr/lib -ltwo <<<'void two(void); DOES(used, 101) void other(void) { CALL(102); two(); }'
	try g2s-scan --strict --sysroot=r r/lib/libone.so
	ended 0
	rows 'libone.so 101 imm' 'libone.so 102 imm' 'libtwo.so 103 imm'
}

@test "damaged libraries" {
	local size at
	lib libone.so <<<'DOES(used, 101)'
	program -lone <<<'void used(void); void _start(void) { used(); }'
	cp r/lib/libone.so whole
	size=$(stat -c %s whole)
	: >r/lib/libone.so
	try g2s-scan --sysroot=r r/bin/app
	[ "$status" -eq 0 ]
	lacks 'r/bin/app libone.so'
	for at in 3 63 100 700 4097 "$((size / 2))"; do
		head -c "$at" whole >r/lib/libone.so
		try g2s-scan --sysroot=r r/bin/app
		[ "$status" -eq 0 ]
		lacks 'r/bin/app libone.so'
		said 'what libone.so does is not in the result: '
	done
	# One that claims more memory than there is does not cost the others theirs.
	for flags in -pie '-no-pie -fno-pic'; do
		cp whole r/lib/libone.so
		# shellcheck disable=SC2086 # several flags
		program $flags -lone <<<'void used(void); void _start(void) { used(); CALL(60); }'
		# A high byte of the fourth p_memsz.
		printf '\x60' | dd of=r/lib/libone.so bs=1 seek=$((64 + 56 * 3 + 40 + 6)) conv=notrunc status=none
		try g2s-scan --sysroot=r r/bin/app
		ended 0 'libone.so does is not in the result: /lib/libone.so: it claims more memory than there is'
		lacks 'r/bin/app libone.so'
		rows 'app 60 imm'
	done
}

@test "a library whose code is elsewhere" {
	lib libone.so -g <<<'DOES(used, 101)'
	program -lone <<<'void used(void); void _start(void) { used(); }'
	objcopy --only-keep-debug r/lib/libone.so debug
	# What the headers speak of is there, whatever it is, as in larger ones.
	truncate -s 32K debug
	mv debug r/lib/libone.so
	try g2s-scan --sysroot=r r/bin/app
	ended 0 'what libone.so does is not in the result: /lib/libone.so: its code is not in the file'
	lacks 'r/bin/app libone.so'
}

@test "what is no library: a directory, a FIFO, another machine's, something else" {
	lib libone.so <<<'DOES(used, 101)'
	program -lone <<<'void used(void); void _start(void) { used(); }'
	mv r/lib/libone.so whole
	mkdir r/lib/libone.so
	try g2s-scan --sysroot=r r/bin/app
	lacks 'r/bin/app libone.so'
	rmdir r/lib/libone.so
	mkfifo r/lib/libone.so
	try g2s-scan --sysroot=r r/bin/app
	lacks 'r/bin/app libone.so'
	rm r/lib/libone.so
	echo text >r/lib/libone.so
	try g2s-scan --sysroot=r r/bin/app
	lacks 'r/bin/app libone.so'
	cp whole r/lib/libone.so
	printf '\xb7' | dd of=r/lib/libone.so bs=1 seek=18 conv=notrunc status=none # e_machine
	try g2s-scan --sysroot=r r/bin/app
	[ "$status" -eq 0 ]
	lacks 'r/bin/app libone.so'
}
