// What the pages gain by JavaScript. Each of them works without.
'use strict';

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// A page out of the back/forward cache may show what is no longer so, or to somebody who is signed out.
addEventListener('pageshow', event => { if (event.persisted) location.reload(); });

// Dialogs: the main part of the page behind a link, opened over this one.
let dialog;

function openDialog(body) {
	dialog?.remove();
	dialog = document.createElement('dialog');
	dialog.append(body);
	dialog.setAttribute('aria-labelledby', body.getAttribute('aria-labelledby') ?? '');
	document.body.append(dialog);
	dialog.addEventListener('click', event => {
		if (event.target === dialog || event.target.closest('[data-close]')) {
			event.preventDefault();
			dialog.close();
		}
	});
	enhance(dialog);
	dialog.showModal();
}

async function fetchPage(url, options) {
	const answer = await fetch(url, { headers: { Accept: 'text/html' }, ...options });
	if (answer.redirected && new URL(answer.url).pathname.endsWith('/sign-in')) location.reload();
	const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
	page.at = answer.url;
	return page;
}

async function followInDialog(link) {
	try {
		const body = (await fetchPage(link.href)).querySelector('[data-dialog-body]');
		if (body) return openDialog(document.adoptNode(body));
	} catch { /* then as without JavaScript */ }
	location.href = link.href;
}

document.addEventListener('click', event => {
	const link = event.target.closest('a[data-dialog]');
	if (link && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
		event.preventDefault();
		link.closest('details[data-menu]')?.removeAttribute('open');
		followInDialog(link);
	}
	for (const menu of all('details[data-menu][open]')) {
		if (!menu.contains(event.target)) menu.removeAttribute('open');
	}
});

// Copying.
function toast(text) {
	const note = document.createElement('div');
	note.className = 'toast';
	note.setAttribute('role', 'status');
	note.textContent = text;
	(dialog?.open ? dialog : document.body).append(note);
	setTimeout(() => note.remove(), 2400);
}

async function copy(button) {
	const source = document.querySelector(button.dataset.copy);
	const label = button.querySelector('[data-copy-label]');
	try {
		await navigator.clipboard.writeText(source.value ?? source.textContent);
	} catch {
		getSelection().selectAllChildren(source);
		toast('Not allowed to copy: the text is selected, copy it by hand.');
		return;
	}
	const before = label.dataset.before ??= label.textContent;
	label.textContent = 'Copied';
	button.classList.add('did');
	button.dispatchEvent(new CustomEvent('copied', { bubbles: true }));
	setTimeout(() => { label.textContent = before; button.classList.remove('did'); }, 1600);
}

document.addEventListener('click', event => {
	const button = event.target.closest('[data-copy]');
	if (button) copy(button);
});

// Keys.
let row = -1;

function moveRow(by) {
	const rows = all('tbody tr:has(.row-link)');
	if (!rows.length) return;
	row = Math.max(0, Math.min(rows.length - 1, row + by));
	rows.forEach((r, i) => r.classList.toggle('at', i === row));
	rows[row].querySelector('.row-link').focus();
	rows[row].scrollIntoView({ block: 'nearest' });
}

function showKeys() {
	const body = document.createElement('section');
	body.className = 'ask';
	body.setAttribute('aria-labelledby', 'keys-title');
	const title = Object.assign(document.createElement('h1'), { id: 'keys-title', textContent: 'Keys' });
	const list = Object.assign(document.createElement('dl'), { className: 'keys' });
	for (const [key, what] of [['/', 'Search'], ['n', 'New'], ['j  k', 'Next and previous row'], ['Enter', 'Open the row'], ['x', 'Select the row'], ['?', 'This list']]) {
		const term = document.createElement('dt');
		term.append(Object.assign(document.createElement('kbd'), { textContent: key }));
		list.append(term, Object.assign(document.createElement('dd'), { textContent: what }));
	}
	const close = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Close' });
	close.dataset.close = '';
	const actions = Object.assign(document.createElement('div'), { className: 'ask-actions' });
	actions.append(close);
	body.append(title, list, actions);
	openDialog(body);
}

document.addEventListener('keydown', event => {
	if (event.ctrlKey || event.metaKey || event.altKey || dialog?.open) return;
	if (event.key === 'Escape') return all('details[data-menu][open]').forEach(menu => { menu.removeAttribute('open'); menu.querySelector('summary').focus(); });
	if (event.target.closest('input:not([type=checkbox], [type=radio]), textarea, select')) return;
	const act = {
		'/': () => document.querySelector('input[type=search]')?.focus(),
		'n': () => document.querySelector('[data-key="n"]')?.click(),
		'j': () => moveRow(1),
		'k': () => moveRow(-1),
		'x': () => document.activeElement.closest('tr')?.querySelector('input[type=checkbox]')?.click(),
		'?': showKeys,
	}[event.key];
	if (act) { event.preventDefault(); act(); }
});

// Live search: the results follow what is typed, and the URL with them.
function liveSearch(form) {
	const target = form.dataset.live;
	let timer, turn = 0;
	const search = async () => {
		const mine = ++turn;
		const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
		const url = `${form.action}?${query}`;
		document.querySelector(target).setAttribute('aria-busy', 'true');
		const page = await fetchPage(url);
		const found = page.querySelector(target);
		if (mine !== turn || !found) return;
		history.replaceState(null, '', page.at);
		const shown = document.adoptNode(found);
		document.querySelector(target).replaceWith(shown);
		enhance(shown);
		row = -1;
	};
	form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(search, 220); });
	form.addEventListener('submit', event => { event.preventDefault(); clearTimeout(timer); search(); });
}

// Selecting rows.
function selectable(form) {
	const boxes = () => all('input[name="id"]', form);
	const every = form.querySelector('[data-select-all]');
	const label = form.querySelector('[data-selected]');
	if (!every || !label) return;
	const tell = () => {
		const chosen = boxes().filter(box => box.checked).length;
		label.textContent = `${chosen} selected`;
		every.checked = chosen > 0 && chosen === boxes().length;
		every.indeterminate = chosen > 0 && !every.checked;
	};
	every.addEventListener('change', () => { boxes().forEach(box => { box.checked = every.checked; }); tell(); });
	form.addEventListener('change', tell);
}

// What a new token would be allowed, while it is written.
function liveCheck(form) {
	const target = form.dataset.check;
	const audiences = () => all('[name="audience"]:checked', form).map(box => box.value);
	const showCatalogues = () => {
		const chosen = audiences();
		for (const part of all('fieldset[data-for-audience]', form)) {
			part.hidden = !(chosen.includes(part.dataset.forAudience) || (!chosen.length && part.dataset.forAudience === '-'));
			for (const box of all('input', part)) box.disabled = part.hidden;
		}
	};
	let timer, turn = 0;
	const check = async () => {
		const mine = ++turn;
		const filled = new URLSearchParams([...new FormData(form)]);
		filled.set('do', 'check');
		const page = await fetchPage(form.action, { method: 'POST', body: filled });
		const found = page.querySelector(target);
		if (mine === turn && found) document.querySelector(target).replaceWith(document.adoptNode(found));
		const wrong = page.querySelector('#wrong-scopes')?.textContent ?? '';
		form.querySelector('#f-scopes').setCustomValidity(wrong);
		let note = form.querySelector('#wrong-scopes');
		if (wrong && !note) {
			note = Object.assign(document.createElement('p'), { id: 'wrong-scopes', className: 'wrong' });
			form.querySelector('#f-scopes').after(note);
		}
		if (note) note.textContent = wrong;
	};
	form.addEventListener('input', event => {
		if (!['scope', 'scopes', 'audience', 'audiences'].includes(event.target.name)) return;
		showCatalogues();
		clearTimeout(timer);
		timer = setTimeout(check, 300);
	});
	showCatalogues();
	check();
}

function selectGroup(button) {
	const boxes = all('input[type=checkbox]', button.closest('.entries'));
	button.hidden = boxes.length < 2;
	button.addEventListener('click', () => {
		const to = boxes.some(box => !box.checked);
		boxes.forEach(box => { box.checked = to; });
		boxes[0].dispatchEvent(new Event('input', { bubbles: true }));
	});
}

// Secrets: once they have left the page they are nowhere, neither in the history nor behind "back".
function guardSecrets(part) {
	let kept = false;
	const stay = event => { if (!kept) event.preventDefault(); };
	history.replaceState(null, '', part.dataset.next);
	document.addEventListener('copied', event => { if (event.target.dataset.copy !== '#id') kept = true; });
	part.querySelector('[data-download]')?.addEventListener('click', () => { kept = true; });
	addEventListener('beforeunload', stay);
	addEventListener('pagehide', () => { document.querySelector('main').replaceChildren(); });
}

function download(button) {
	button.addEventListener('click', () => {
		const text = document.querySelector(button.dataset.download).value;
		const link = document.createElement('a');
		link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
		link.download = button.dataset.name;
		link.click();
		URL.revokeObjectURL(link.href);
	});
}

// Waiting for something: the part is fetched anew until it waits no more, for a quarter of an hour at most.
async function poll(part, left = 300) {
	if (!part.querySelector('.pulse') || !left) return;
	await new Promise(done => setTimeout(done, 3000));
	if (!part.isConnected) return;
	if (document.hidden) return poll(part, left);
	try {
		const found = (await fetchPage(part.dataset.poll)).querySelector(`#${part.id}`);
		if (found && !found.querySelector('.pulse')) part.replaceChildren(...document.adoptNode(found).childNodes);
	} catch { /* the next time, perhaps */ }
	poll(part, left - 1);
}

// An invitation stands behind the "#" of its link, which no server sees; nor is it to stay in the history.
function fillInvitation(part) {
	const token = location.hash.slice(1);
	if (!token) return;
	history.replaceState(null, '', location.pathname);
	part.querySelector('input').value = token;
	part.hidden = true;
}

// What is done to a part of a page once it is there.
const enhancements = {
	'[data-select]': input => { input.select(); },
	'form[data-live]': liveSearch,
	'form.bulk': selectable,
	'form[data-check]': liveCheck,
	'[data-select-group]': selectGroup,
	'[data-download]': download,
	'[data-secrets]': guardSecrets,
	'[data-invitation]': fillInvitation,
	'[data-poll]': part => { poll(part); },
};

function enhance(part) {
	for (const [selector, how] of Object.entries(enhancements)) all(selector, part).forEach(how);
}
enhance(document);
