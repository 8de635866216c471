// Asks the host who it is, then shows the page in the user's language.
import { mount } from 'svelte';
import App from './App.svelte';
import { around, Refusal } from './lib/host';
import { choose } from './lib/i18n/catalogues';
import { words } from './lib/i18n/words.svelte';
import { theme } from './lib/theme/theme.svelte';
import './lib/theme/page.css';
import './lib/theme/tokens.css';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');

const host = around(window);
theme.begin();
const answer = await host.about().then(
  (about) => ({ props: { host, about }, languages: about.languages }),
  (problem: unknown) => ({ props: { host, problem: Refusal.of(problem).sentence }, languages: navigator.languages }),
);
words.locale = choose(answer.languages);
document.documentElement.lang = words.locale;
mount(App, { target, props: answer.props });
